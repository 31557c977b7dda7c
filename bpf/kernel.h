/* SPDX-License-Identifier: GPL-2.0-only */
/* The few kernel structures that the hooks read, each with the few members that they read. preserve_access_index makes the
 * loader look up every offset in the BTF of the running kernel, so order and size here mean nothing, and no BTF is needed to
 * build. A name with three underscores is a flavour: the same structure as another range of kernels has it. */
#ifndef CANOPY_BPF_KERNEL_H
#define CANOPY_BPF_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004
#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3
#define EXIT_DEAD 0x10
#define EXIT_ZOMBIE 0x20
#define MNT_NOSUID 0x01
#define S_ISUID 04000
#define S_ISGID 02000
#define S_IXGRP 00010
#define PFA_NO_NEW_PRIVS 0 /* bit number in task_struct.atomic_flags */
#define OVERLAYFS_SUPER_MAGIC 0x794c7630

typedef int pid_t;
typedef struct {
	uint32_t val;
} kuid_t;
typedef struct {
	uint32_t val;
} kgid_t;
typedef struct {
	int counter;
} atomic_t;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};
struct user_namespace;
struct task_struct;
struct pid_namespace {
	struct task_struct *child_reaper;
	struct ns_common ns;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct ipc_namespace {
	struct ns_common ns;
};
struct cgroup_namespace {
	struct ns_common ns;
};
struct time_namespace { /* with CONFIG_TIME_NS alone */
	struct ns_common ns;
};
struct net {
	struct ns_common ns;
};
struct new_utsname {
	char nodename[65];
};
struct uts_namespace {
	struct new_utsname name;
	struct ns_common ns;
};
struct uid_gid_extent {
	uint32_t first, lower_first, count;
};
struct uid_gid_map {
	uint32_t nr_extents;
	struct uid_gid_extent extent[5];
};
struct user_namespace {
	struct uid_gid_map uid_map;
	int level;
	struct ns_common ns;
};
struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
	struct time_namespace *time_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};

/* Two words of 32 bits until 6.2, one of 64 since: the same eight bytes on a little-endian machine. Only whole ones are read. */
struct capabilities {
	uint64_t bits;
};
struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kgid_t sgid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
	struct capabilities cap_inheritable;
	struct capabilities cap_permitted;
	struct capabilities cap_effective;
	struct capabilities cap_ambient;
	struct user_namespace *user_ns;
};

struct qstr {
	union {
		struct {
			uint32_t hash;
			uint32_t len;
		};
		uint64_t hash_len;
	};
	const unsigned char *name;
};
struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};
struct super_block {
	uint32_t s_dev;
	unsigned long s_magic;
};
struct timespec64 {
	int64_t tv_sec;
	long tv_nsec;
};
struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	int64_t i_ctime_sec; /* from 6.11 */
	uint32_t i_ctime_nsec;
};
struct inode___v6_6 {
	struct timespec64 __i_ctime;
};
struct inode___v5 {
	struct timespec64 i_ctime;
};
struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};
struct ovl_inode {
	struct inode vfs_inode;
	struct dentry *__upperdentry;
};
struct vfsmount {
	struct dentry *mnt_root;
	int mnt_flags;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
};
struct fs_struct {
	struct path root;
	struct path pwd;
};
struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

struct kernfs_node {
	struct kernfs_node *__parent; /* from 6.15 (741c10b096bc) */
	const char *name;
	uint64_t id;
};
struct kernfs_node___v5 {
	struct kernfs_node *parent;
};
struct cgroup_root;
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
};
enum cgroup_subsys_id { pids_cgrp_id }; /* its number differs by configuration, and without CONFIG_CGROUP_PIDS there is none */
struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

struct tty_driver {
	int major;
	int minor_start;
};
struct tty_struct {
	int index;
	struct tty_driver *driver;
};

struct task_io_accounting {
	uint64_t read_bytes; /* with CONFIG_TASK_IO_ACCOUNTING alone */
	uint64_t write_bytes;
	uint64_t cancelled_write_bytes;
};
struct sched_entity {
	uint64_t sum_exec_runtime;
};
struct list_head {
	struct list_head *next;
};

typedef struct {
	unsigned int sequence;
} seqcount_t;
typedef struct {
	seqcount_t seqcount;
} seqcount_spinlock_t;
typedef struct {
	seqcount_spinlock_t seqcount;
} seqlock_t;

struct signal_struct {
	atomic_t live;
	struct list_head thread_head;
	seqlock_t stats_lock;
	int nr_threads;
	int group_exit_code;
	unsigned int flags;
	unsigned int is_child_subreaper : 1;
	unsigned int has_child_subreaper : 1; /* an ancestor is or was one */
	struct pid *pids[4];
	struct tty_struct *tty;
	uint64_t utime, stime;
	unsigned long maxrss;
	struct task_io_accounting ioac;
	unsigned long long sum_sched_runtime;
};

struct task_struct {
	unsigned int flags;
	int exit_state;
	int exit_code;
	unsigned long atomic_flags;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct list_head children;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct list_head thread_node;
	struct mm_struct *mm;
	struct sched_entity se;
	uint64_t utime, stime;
	uint64_t start_boottime;
	struct cred *real_cred;
	char comm[16];
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid; /* with CONFIG_AUDIT alone */
	unsigned int sessionid;
	uint64_t parent_exec_id;
	uint64_t self_exec_id;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
};

/* What tracepoint programs are called with. */
struct trace_event_raw_sched_process_fork {
	pid_t child_pid;
};
struct trace_event_raw_sched_process_exec {
	pid_t old_pid;
};
struct trace_event_raw_sched_process_exit {
	bool group_dead; /* 6.16 */
};

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif
