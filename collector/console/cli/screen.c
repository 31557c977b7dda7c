/* SPDX-License-Identifier: Apache-2.0 */
/* A handful of sequences that every terminal since the VT100 knows, so no database of terminals is needed. Wrapping is
 * switched off: should a terminal think a glyph wider than the C library does, a line is cut and the picture stays
 * whole. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "collector/console/cli/screen.h"

static const char enter[] = "\033[?1049h\033[?25l\033[?7l\033[2J";
static const char leave[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

static int write_all(const char *data, size_t len)
{
	while (len) {
		ssize_t put = write(STDOUT_FILENO, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

int screen_open(struct screen *screen)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &screen->before) < 0)
		return -errno;
	raw = screen->before;
	/* signals of the keyboard stay: an interrupt must work whatever happens here */
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0)
		return -errno;
	screen->open = true;
	screen_forget(screen);
	return write_all(enter, sizeof(enter) - 1);
}

void screen_close(struct screen *screen)
{
	if (!screen->open)
		return;
	(void)write_all(leave, sizeof(leave) - 1);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
	screen->open = false;
}

void screen_finish(struct screen *screen)
{
	screen_close(screen);
	text_finish(&screen->shown);
}

void screen_forget(struct screen *screen)
{
	text_reset(&screen->shown);
}

/* The line that begins at *at, without its newline; *at moves behind it. */
static struct bytes next_line(const struct text *frame, size_t *at)
{
	const char *begin = frame->data + *at, *end;

	if (*at >= frame->len)
		return BYTES_NULL;
	end = memchr(begin, '\n', frame->len - *at);
	if (!end)
		end = frame->data + frame->len;
	*at += (size_t)(end - begin) + 1;
	return bytes_make(begin, (size_t)(end - begin));
}

int screen_show(struct screen *screen, const struct text *frame)
{
	struct text out = TEXT_NULL;
	size_t at = 0, shown_at = 0;
	int err;

	if (frame->failed)
		return -ENOMEM;
	if (!screen->shown.len)
		text_puts(&out, "\033[2J");
	for (unsigned row = 1; at < frame->len; row++) {
		bool known = shown_at < screen->shown.len;
		struct bytes line = next_line(frame, &at), before = next_line(&screen->shown, &shown_at);

		if (known && bytes_equal(line, before))
			continue;
		/* cleared first: behind a line that fills the terminal the cursor stands on its last glyph */
		text_printf(&out, "\033[%u;1H\033[0m\033[K", row);
		text_add(&out, line.data, line.len);
	}
	if (shown_at < screen->shown.len)
		text_puts(&out, "\033[J");
	err = out.failed ? -ENOMEM : write_all(text_string(&out), out.len);
	text_finish(&out);
	text_reset(&screen->shown);
	text_add(&screen->shown, frame->data, frame->len);
	return err;
}
