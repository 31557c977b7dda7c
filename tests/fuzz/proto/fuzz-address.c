/* SPDX-License-Identifier: Apache-2.0 */
/* An address as a person writes it. A numeric one must survive being written and read again, as the same peer. */
#include <arpa/inet.h>

#include "proto/stream/address.h"
#include "tests/fuzz/input.h"

static void check_numeric(const struct sockaddr_storage *storage, uint16_t port)
{
	const struct sockaddr *address = (const struct sockaddr *)(const void *)storage;
	uint8_t key[16], key_again[16];
	char text[ADDRESS_TEXT_MAX];
	struct sockaddr_storage second;
	struct address again;

	address_format(address, text);
	must(memchr(text, '\0', sizeof(text)) != NULL && address_parse(text, &again, NULL) == 0);
	must(address_to_sockaddr(&again, &second) == 0 && again.port == port);
	address_key(address, key);
	address_key((const struct sockaddr *)(const void *)&second, key_again);
	must(memcmp(key, key_again, sizeof(key)) == 0);
	must(address_is_loopback(address) == address_is_loopback((const struct sockaddr *)(const void *)&second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_string(bytes_make(data, size));
	struct address address, before;
	struct sockaddr_storage storage;
	const char *why = NULL;

	memset(&address, 0x5a, sizeof(address));
	before = address;
	if (address_parse(text, &address, &why) < 0) {
		must(why && *why && memcmp(&address, &before, sizeof(address)) == 0);
	} else {
		must(memchr(address.host, '\0', sizeof(address.host)) != NULL);
		must(strstr(text, address.host) != NULL);
		if (address_to_sockaddr(&address, &storage) == 0)
			check_numeric(&storage, address.port);
	}
	free(text);
	return 0;
}
