/* SPDX-License-Identifier: Apache-2.0 */
/* Every answer carries the headers that keep a browser from doing more with it than show it: no sniffing, no framing,
 * no loading, no caching of what is true for this moment only, no reading from other origins. */
#include "collector/console/http/response.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
    {200, "OK"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {421, "Misdirected Request"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *response_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

static void put(struct json *out, const char *text)
{
	json_raw(out, text, strlen(text));
}

static void put_number(struct json *out, int64_t number)
{
	out->comma = false;
	json_int(out, number);
	out->comma = false;
}

static void put_length(struct json *out, const struct response *response)
{
	if (response->length == RESPONSE_CHUNKED) {
		put(out, "Transfer-Encoding: chunked\r\n");
	} else if (response->length >= 0) {
		put(out, "Content-Length: ");
		put_number(out, response->length);
		put(out, "\r\n");
	}
	put(out, response->keep_alive ? "" : "Connection: close\r\n");
}

void response_write(struct json *out, const struct response *response)
{
	put(out, "HTTP/1.1 ");
	put_number(out, response->status);
	put(out, " ");
	put(out, response_reason(response->status));
	put(out, "\r\nServer: canopy\r\nContent-Type: ");
	put(out, response->content_type);
	put(out, "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: "
		 "DENY\r\nReferrer-Policy: no-referrer\r\n"
		 "Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: ");
	put(out, response->policy ? response->policy : "default-src 'none'; frame-ancestors 'none'");
	put(out, "\r\n");
	put(out, response->allow ? "Allow: GET, HEAD\r\n" : "");
	if (response->challenge)
		put(out, response->status == 403 ? "WWW-Authenticate: Bearer realm=\"canopy\", error=\"insufficient_scope\"\r\n"
						 : "WWW-Authenticate: Bearer realm=\"canopy\"\r\n");
	put(out, response->retry ? "Retry-After: 1\r\n" : "");
	put_length(out, response);
	put(out, "\r\n");
}

void response_write_error(struct json *out, const struct response_error *error)
{
	json_object_begin(out);
	json_key(out, "error");
	json_object_begin(out);
	json_key(out, "code");
	json_text(out, error->code);
	json_key(out, "message");
	json_text(out, error->message);
	json_key(out, "hint");
	json_text(out, error->hint && error->hint[0] ? error->hint : NULL);
	if (error->column) {
		json_key(out, "column");
		json_uint(out, error->column);
	}
	json_object_end(out);
	json_object_end(out);
	json_raw(out, "\n", 1);
}
