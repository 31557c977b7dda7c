/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, one file each. Every one returns the exit code and has said on stderr why it is not 0. */
#ifndef CANOPY_CONSOLE_CLI_COMMAND_H
#define CANOPY_CONSOLE_CLI_COMMAND_H

struct context;

int cmd_hosts(struct context *context);
int cmd_tree(struct context *context);
int cmd_ps(struct context *context);
int cmd_show(struct context *context);
int cmd_lineage(struct context *context);
int cmd_tail(struct context *context);
int cmd_top(struct context *context);
int cmd_stats(struct context *context);
int cmd_pki(struct context *context);
int cmd_verify(struct context *context);
int cmd_version(struct context *context);
int cmd_completion(struct context *context);
int cmd_help(struct context *context);

#endif
