/* SPDX-License-Identifier: Apache-2.0 */
/* Strict where leniency is a way to be fooled (folded lines, doubled Host, control characters), lenient where people
 * type by hand (a bare newline ends a line, as RFC 9112 section 2.2 allows). */
#include "collector/console/http/request.h"

#include <errno.h>
#include <strings.h>

struct cursor {
	const char *at, *end;
};

size_t request_scan(const char *data, size_t len, size_t *at)
{
	for (size_t i = *at; i < len; i++) {
		if (data[i] != '\n')
			continue;
		if (len - i > 1 && data[i + 1] == '\n')
			return i + 2;
		if (len - i > 2 && data[i + 1] == '\r' && data[i + 2] == '\n')
			return i + 3;
		if (len - i <= 2) {
			*at = i; /* the answer lies in bytes to come */
			return 0;
		}
	}
	*at = len;
	return 0;
}

static int refuse(int status, const char *why, const char **ret_why)
{
	*ret_why = why;
	return status;
}

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* The next line without its end; false when there is none. */
static bool take_line(struct cursor *c, struct bytes *ret)
{
	const char *newline = c->at < c->end ? memchr(c->at, '\n', (size_t)(c->end - c->at)) : NULL;

	if (!newline)
		return false;
	*ret = bytes_make(c->at, (size_t)(newline - c->at));
	if (ret->len && ret->data[ret->len - 1] == '\r')
		ret->len--;
	c->at = newline + 1;
	return true;
}

/* Cuts off what stands before the first separator (all of it when there is none, *text is then empty). */
static struct bytes cut(struct bytes *text, char separator)
{
	const char *found = text->len ? memchr(text->data, separator, text->len) : NULL;
	struct bytes before = *text;

	if (!found) {
		*text = BYTES_NULL;
		return before;
	}
	before.len = (uint32_t)(found - text->data);
	*text = bytes_make(found + 1, text->len - before.len - 1);
	return before;
}

static bool is_word(struct bytes text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* ---- target -------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoding into the arena; plus: '+' is a blank. Returns 0, 400 or -ENOMEM. */
static int decode(struct arena *arena, struct bytes text, bool plus, struct bytes *ret)
{
	char *copy = arena_alloc_aligned(arena, (size_t)text.len + 1, 1), *out = copy;

	if (!copy)
		return -ENOMEM;
	for (uint32_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '%') {
			int high = text.len - i > 2 ? hex_digit(text.data[i + 1]) : -1;
			int low = text.len - i > 2 ? hex_digit(text.data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return 400;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		*out++ = c;
	}
	*out = '\0';
	*ret = bytes_make(copy, (size_t)(out - copy));
	return 0;
}

static int parse_path(struct arena *arena, struct bytes text, struct request *request, const char **ret_why)
{
	int r = decode(arena, text, false, &request->path);

	if (r == 400)
		return refuse(400, "the path has a % without two hex digits behind it", ret_why);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < request->path.len; i++)
		if ((uint8_t)request->path.data[i] < 0x20 || request->path.data[i] == 0x7f)
			return refuse(400, "the path has a control character in it", ret_why);
	return 0;
}

static int parse_query(struct arena *arena, struct bytes query, struct request *request, const char **ret_why)
{
	while (query.len) {
		struct bytes value = cut(&query, '&'), name;
		struct request_parameter *parameter;
		int r;

		if (value.len == 0)
			continue;
		if (request->parameter_count == REQUEST_PARAMETERS_MAX)
			return refuse(400, "the query has more than 32 parameters", ret_why);
		parameter = &request->parameters[request->parameter_count++];
		name = cut(&value, '=');
		r = decode(arena, name, true, &parameter->name);
		if (r == 0)
			r = decode(arena, value, true, &parameter->value);
		if (r == 400)
			return refuse(400, "the query has a % without two hex digits behind it", ret_why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* http://HOST[/PATH]: a client that takes us for a proxy; what follows is the path, and the authority takes the place
 * of Host. */
static bool take_authority(struct bytes *target, struct bytes *ret_authority)
{
	static const char scheme[] = "http://";
	struct bytes rest;
	uint32_t len = 0;

	if (target->len < sizeof(scheme) - 1 || strncasecmp(target->data, scheme, sizeof(scheme) - 1) != 0)
		return false;
	rest = bytes_make(target->data + sizeof(scheme) - 1, target->len - (sizeof(scheme) - 1));
	while (len < rest.len && rest.data[len] != '/' && rest.data[len] != '?')
		len++;
	*ret_authority = bytes_make(rest.data, len);
	*target = bytes_make(rest.data + len, rest.len - len);
	return true;
}

static int parse_target(struct arena *arena, struct bytes target, struct request *request, const char **ret_why)
{
	struct bytes path, authority = BYTES_NULL;
	int r;

	for (uint32_t i = 0; i < target.len; i++)
		if ((uint8_t)target.data[i] <= 0x20 || target.data[i] == 0x7f)
			return refuse(400, "the target has a blank or control character in it", ret_why);
	if (take_authority(&target, &authority) && authority.len == 0)
		return refuse(400, "the target names no host", ret_why);
	if (authority.len) {
		request->host = arena_copy(arena, authority);
		if (!request->host.data)
			return -ENOMEM;
	}
	path = cut(&target, '?');
	if (path.len == 0 && authority.len)
		path = BYTES_LITERAL("/");
	if (path.len == 0 || path.data[0] != '/')
		return refuse(400, "the target is not a path", ret_why);
	path = cut(&path, '#'); /* a fragment is none of our business */
	r = parse_path(arena, path, request, ret_why);
	return r ? r : parse_query(arena, cut(&target, '#'), request, ret_why);
}

/* ---- request line -------------------------------------------------------------------------------------------- */

static int parse_version(struct bytes text, struct request *request, const char **ret_why)
{
	if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 || text.data[6] != '.' || text.data[5] < '0' ||
	    text.data[5] > '9' || text.data[7] < '0' || text.data[7] > '9')
		return refuse(400, "the request line does not end in HTTP/1.1", ret_why);
	if (text.data[5] != '1')
		return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here", ret_why);
	request->minor = text.data[7] == '0' ? 0 : 1;
	request->keep_alive = request->minor == 1;
	return 0;
}

static int parse_method(struct bytes text, struct request *request, const char **ret_why)
{
	if (text.len == 0)
		return refuse(400, "the request line has no method", ret_why);
	for (uint32_t i = 0; i < text.len; i++)
		if (!is_token(text.data[i]))
			return refuse(400, "the method is not a word", ret_why);
	request->method = REQUEST_OTHER;
	if (bytes_equal(text, BYTES_LITERAL("GET")))
		request->method = REQUEST_GET;
	else if (bytes_equal(text, BYTES_LITERAL("HEAD")))
		request->method = REQUEST_HEAD;
	else if (bytes_equal(text, BYTES_LITERAL("POST")))
		request->method = REQUEST_POST;
	return 0;
}

static int parse_request_line(struct arena *arena, struct bytes line, struct request *request, const char **ret_why)
{
	struct bytes method = cut(&line, ' '), target = cut(&line, ' ');
	int r = parse_method(method, request, ret_why);

	if (r == 0)
		r = parse_version(line, request, ret_why);
	return r ? r : parse_target(arena, target, request, ret_why);
}

/* ---- headers ------------------------------------------------------------------------------------------------- */

struct headers {
	bool host, length, authorization, absolute; /* seen already; absolute: the target named the host */
};

/* keep-alive and close, in a list of anything */
static void read_connection(struct bytes value, struct request *request)
{
	while (value.len) {
		struct bytes option = cut(&value, ',');

		while (option.len && (option.data[0] == ' ' || option.data[0] == '\t'))
			option = bytes_make(option.data + 1, option.len - 1);
		while (option.len && (option.data[option.len - 1] == ' ' || option.data[option.len - 1] == '\t'))
			option.len--;
		if (is_word(option, "close"))
			request->keep_alive = false;
		else if (is_word(option, "keep-alive") && request->minor == 0)
			request->keep_alive = true;
	}
}

static int read_length(struct bytes value, struct headers *seen, struct request *request, const char **ret_why)
{
	if (seen->length || value.len == 0)
		return refuse(400, "Content-Length is not one number", ret_why);
	seen->length = true;
	for (uint32_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return refuse(400, "Content-Length is not one number", ret_why);
		request->has_body |= value.data[i] != '0';
	}
	return 0;
}

/* Another scheme than Bearer counts as no token. */
static int read_authorization(struct arena *arena, struct bytes value, struct headers *seen, struct request *request,
			      const char **ret_why)
{
	struct bytes token = value, scheme = cut(&token, ' ');

	if (seen->authorization)
		return refuse(400, "there are two Authorization headers", ret_why);
	seen->authorization = true;
	while (token.len && token.data[0] == ' ')
		token = bytes_make(token.data + 1, token.len - 1);
	if (!is_word(scheme, "bearer") || token.len == 0)
		return 0;
	request->bearer = arena_copy(arena, token);
	return request->bearer.data ? 0 : -ENOMEM;
}

static int read_header(struct arena *arena, struct bytes name, struct bytes value, struct headers *seen,
		       struct request *request, const char **ret_why)
{
	if (is_word(name, "host")) {
		if (seen->host)
			return refuse(400, "there are two Host headers", ret_why);
		seen->host = true;
		if (!seen->absolute)
			request->host = arena_copy(arena, value);
		return seen->absolute || request->host.data ? 0 : -ENOMEM;
	}
	if (is_word(name, "connection")) {
		read_connection(value, request);
	} else if (is_word(name, "content-length")) {
		return read_length(value, seen, request, ret_why);
	} else if (is_word(name, "transfer-encoding")) {
		request->has_body = true;
	} else if (is_word(name, "authorization")) {
		return read_authorization(arena, value, seen, request, ret_why);
	} else if (is_word(name, "last-event-id")) {
		request->last_event_id = arena_copy(arena, value);
		return request->last_event_id.data ? 0 : -ENOMEM;
	}
	return 0;
}

static int parse_header(struct arena *arena, struct bytes line, struct headers *seen, struct request *request,
			const char **ret_why)
{
	struct bytes value = line, name;

	if (line.data[0] == ' ' || line.data[0] == '\t')
		return refuse(400, "a header is folded over two lines", ret_why);
	if (!memchr(line.data, ':', line.len))
		return refuse(400, "a header has no colon", ret_why);
	name = cut(&value, ':');
	if (name.len == 0)
		return refuse(400, "a header has no name", ret_why);
	for (uint32_t i = 0; i < name.len; i++)
		if (!is_token(name.data[i]))
			return refuse(400, "the name of a header is not a word", ret_why);
	while (value.len && (value.data[0] == ' ' || value.data[0] == '\t'))
		value = bytes_make(value.data + 1, value.len - 1);
	while (value.len && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t'))
		value.len--;
	for (uint32_t i = 0; i < value.len; i++)
		if (((uint8_t)value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
			return refuse(400, "a header has a control character in it", ret_why);
	return read_header(arena, name, value, seen, request, ret_why);
}

static int parse_headers(struct arena *arena, struct cursor c, struct request *request, const char **ret_why)
{
	struct headers seen = {.absolute = request->host.len > 0};
	struct bytes line;
	unsigned count = 0;

	while (take_line(&c, &line) && line.len > 0) {
		int r;

		if (++count > REQUEST_HEADERS_MAX)
			return refuse(431, "there are more than 100 headers", ret_why);
		r = parse_header(arena, line, &seen, request, ret_why);
		if (r)
			return r;
	}
	if (request->minor == 1 && !seen.host)
		return refuse(400, "the Host header is missing", ret_why);
	return 0;
}

int request_parse(struct arena *arena, const char *head, size_t len, struct request *ret, const char **ret_why)
{
	struct cursor c = {head, head + len};
	struct request request = {0};
	struct bytes line;
	int r;

	if (!take_line(&c, &line))
		return refuse(400, "the request line has no end", ret_why);
	if (line.len > REQUEST_LINE_MAX)
		return refuse(414, "the request line is longer than 28672 bytes", ret_why);
	r = parse_request_line(arena, line, &request, ret_why);
	if (r == 0)
		r = parse_headers(arena, c, &request, ret_why);
	if (r == 0)
		*ret = request;
	return r;
}

struct bytes request_parameter(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->parameter_count; i++)
		if (bytes_equal(request->parameters[i].name, bytes_from_string(name)))
			return request->parameters[i].value;
	return BYTES_NULL;
}
