/*
 * Dies at the n-th call of a kind, for LD_PRELOAD: counts the calls that store, send to the broker or speak to the
 * pins, over all threads and over restarts, and kills the process before a call that is marked.
 *
 * strace can kill at a call too, but it counts each thread for itself and does not tell one socket from another, so
 * the sends of a thread that is never first to its n-th call would never be hit. The counts here are held against
 * strace's by a test.
 *
 * HARM_COUNTS names a file of 2 * KINDS 64-bit numbers, shared with the test: how many calls of each kind there were,
 * and the number of the call to die at (0: none). HARM_STATE is the directory whose files count as storage, HARM_PORT
 * the broker's port, HARM_SERVER that of the server which is sent the history (0 or unset: none).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { WRITE, SYNC, NAME, SEND, GPIO, HISTORY_WRITE, HISTORY_SYNC, POST, KINDS, NONE };

static uint64_t *counts;
static const char *state;
static unsigned port, server;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("HARM_COUNTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 2 * KINDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || !getenv("HARM_STATE") || !getenv("HARM_PORT")) {
        fputs("kill_shim: HARM_COUNTS, HARM_STATE and HARM_PORT are needed\n", stderr);
        _exit(99);
    }
    close(fd);
    state = getenv("HARM_STATE");
    port = (unsigned)atoi(getenv("HARM_PORT"));
    server = getenv("HARM_SERVER") ? (unsigned)atoi(getenv("HARM_SERVER")) : 0;
    counts = map;
}

static int stored(const char *path)
{
    size_t n = strlen(state);
    return strncmp(path, state, n) == 0 && (path[n] == '/' || path[n] == 0);
}

/* The history's file is one of its own; what is named or truncated counts alike for both. */
static enum kind in_file(const char *path, enum kind on_file)
{
    if (!stored(path))
        return NONE;
    if (strncmp(path + strlen(state), "/history.db", 11))
        return on_file;
    return on_file == WRITE ? HISTORY_WRITE : on_file == SYNC ? HISTORY_SYNC : on_file;
}

/* The kind of a call on `fd` that is `on_file` where the fd is a file of the state directory. */
static enum kind of(int fd, enum kind on_file)
{
    struct stat what;
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char link[64], path[PATH_MAX];
    ssize_t n;

    if (fstat(fd, &what))
        return NONE;
    if (S_ISSOCK(what.st_mode)) {
        if (getsockname(fd, (struct sockaddr *)&address, &length))
            return NONE;
        if (address.ss_family == AF_UNIX)
            return GPIO;
        length = sizeof address;
        if (address.ss_family != AF_INET || getpeername(fd, (struct sockaddr *)&address, &length))
            return NONE;
        unsigned to = ntohs(((struct sockaddr_in *)&address)->sin_port);
        return to == port ? SEND : server && to == server ? POST : NONE;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return NONE;
    path[n] = 0;
    return in_file(path, on_file);
}

static void pass(enum kind kind)
{
    if (kind < KINDS && counts && __atomic_add_fetch(&counts[kind], 1, __ATOMIC_SEQ_CST) == counts[KINDS + kind]) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

#define SHIM(result, name, parameters, arguments, kind)                      \
    result name parameters                                                  \
    {                                                                       \
        static result(*real) parameters;                                    \
        if (!real)                                                          \
            real = (result(*) parameters)dlsym(RTLD_NEXT, #name);           \
        if (counts)                                                         \
            pass(kind);                                                     \
        return real arguments;                                              \
    }

SHIM(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), of(fd, WRITE))
SHIM(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o), of(fd, WRITE))
SHIM(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o), of(fd, WRITE))
SHIM(int, fsync, (int fd), (fd), of(fd, SYNC))
SHIM(int, fdatasync, (int fd), (fd), of(fd, SYNC))
SHIM(int, ftruncate, (int fd, off_t n), (fd, n), of(fd, NAME))
SHIM(int, ftruncate64, (int fd, off64_t n), (fd, n), of(fd, NAME))
SHIM(int, rename, (const char *from, const char *to), (from, to), stored(to) ? NAME : NONE)
SHIM(int, unlink, (const char *path), (path), stored(path) ? NAME : NONE)
SHIM(ssize_t, send, (int fd, const void *b, size_t n, int f), (fd, b, n, f), of(fd, NONE))
SHIM(ssize_t, sendto, (int fd, const void *b, size_t n, int f, const struct sockaddr *a, socklen_t l), (fd, b, n, f, a, l), of(fd, NONE))
