/* A wall clock that is as many seconds off as the file of $WALL_CLOCK_OFF says; all other clocks are right. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = syscall(SYS_clock_gettime, clock, now);
    const char *path = getenv("WALL_CLOCK_OFF");
    FILE *file;
    long off;

    if (failed || clock != CLOCK_REALTIME || !path || !(file = fopen(path, "r")))
        return failed;
    if (fscanf(file, "%ld", &off) == 1)
        now->tv_sec += off;
    fclose(file);
    return 0;
}
