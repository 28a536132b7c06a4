/* What a machine can do to a program, on demand: LD_PRELOAD.
 *
 * FAULTS names a file of 16 octets that is mapped, so that whoever has it can change
 * its two numbers (in the order of octets of the machine) while the program runs:
 *   at 0  uint64  one allocation in so many fails; 0: none
 *   at 8  int64   seconds by which the wall clock is wrong
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

struct misfortune {
	_Atomic uint64_t one_in;
	_Atomic int64_t clock_off;
};
static struct misfortune *now;
static _Atomic uint64_t count = 88172645463325252u;

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("FAULTS");
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *got = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *now, PROT_READ, MAP_SHARED, fd, 0);
	if (got != MAP_FAILED)
		now = got;
	if (fd >= 0)
		close(fd);
}

/* The same number of allocations later the same one fails: splitmix64. */
static int fails(void)
{
	uint64_t one_in = now ? atomic_load_explicit(&now->one_in, memory_order_relaxed) : 0;
	if (one_in == 0)
		return 0;
	uint64_t z = atomic_fetch_add_explicit(&count, 0x9e3779b97f4a7c15u, memory_order_relaxed);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	if ((z ^ (z >> 31)) % one_in != 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return fails() ? NULL : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { return fails() ? NULL : __libc_memalign(a, n); }

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	if ((flags & MAP_ANONYMOUS) != 0 && fails())
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}

static int64_t off(void) { return now ? atomic_load_explicit(&now->clock_off, memory_order_relaxed) : 0; }

int clock_gettime(clockid_t clock, struct timespec *to)
{
	int result = (int)syscall(SYS_clock_gettime, clock, to);
	if (result == 0 && clock == CLOCK_REALTIME)
		to->tv_sec += off();
	return result;
}

time_t time(time_t *to)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	if (to)
		*to = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
	struct timespec t;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	to->tv_sec = t.tv_sec;
	to->tv_usec = t.tv_nsec / 1000;
	return 0;
}
