/* SPDX-License-Identifier: Apache-2.0 */
/* What the user is told on stderr: 'canopy: …' lines. What they contain is escaped, since servers and hosts have a
 * say in them. */
#ifndef CANOPY_CONSOLE_CLI_MESSAGE_H
#define CANOPY_CONSOLE_CLI_MESSAGE_H

/* Exit codes of the program. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_NOTHING = 1, /* nothing matched */
	EXIT_USAGE = 2,
	EXIT_SERVER = 3, /* not reached, refused, or not understood; also what fails on this side, such as writing */
	EXIT_INCOMPLETE = 4, /* under --strict: the answer is not whole */
};

__attribute__((format(printf, 1, 2)))
void message(const char *format, ...);

/* A line below a message, indented, without the program's name. */
__attribute__((format(printf, 1, 2)))
void message_more(const char *format, ...);

#endif
