/* SPDX-License-Identifier: Apache-2.0 */
/* canopy version: of this program, and of the collector when one answers. */
#include "collector/console/cli/command.h"
#include "collector/console/cli/context.h"
#include "collector/console/cli/escape.h"
#include "collector/console/cli/object.h"

int cmd_version(struct context *context)
{
	struct transfer transfer = TRANSFER_NULL;
	struct bytes version = BYTES_NULL;
	struct text line = TEXT_NULL;
	json_t *answer = NULL;

	(void)printf("canopy %s\n", CANOPY_VERSION);
	if (client_get(&context->client, "/api/v1/stats", &transfer) == 0 && transfer_ok(&transfer)) {
		answer = object_parse(transfer.body.data, transfer.body.len);
		version = object_string(answer, "version");
		if (!version.data)
			version = object_string(answer, "collector.version");
	}
	if (version.len) {
		text_puts(&line, "collector ");
		escape_text(&line, version, context->terminal.utf8);
		text_printf(&line, " at %s\n", text_string(&context->client.base));
		(void)text_write(&line, stdout);
	}
	text_finish(&line);
	json_decref(answer);
	transfer_end(&transfer);
	return EXIT_OK;
}
