/*
 * What runs in the guests of the supervisor's tests: linked statically like the supervisor, so that a guest made FROM
 * scratch can hold it. Each first argument is one behaviour; lines on stdout say what was seen.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void print_hex(const char *text)
{
    for (; *text != '\0'; text++) printf("%02x", (unsigned char)*text);
    putchar('\n');
}

static void print_environment(void)
{
    for (char **variable = environ; *variable != NULL; variable++) print_hex(*variable);
}

static void print_identity(void)
{
    gid_t groups[64];
    char cwd[PATH_MAX];
    int count = getgroups(64, groups);
    printf("uid=%u gid=%u groups=", getuid(), getgid());
    for (int i = 0; i < count; i++) printf("%s%u", i == 0 ? "" : ",", groups[i]);
    printf(" cwd=%s session=%d", getcwd(cwd, sizeof cwd), getsid(0) == getpid());
    printf(" writable=%d\n", access(".", W_OK) == 0);
}

static void print_files(void)
{
    char byte;
    printf("files=");
    for (int file = 0; file < 1024; file++)
        if (fcntl(file, F_GETFD) >= 0) printf("%s%d", file == 0 ? "" : ",", file);
    printf(" stdin=%zd\n", read(STDIN_FILENO, &byte, 1));
}

static void print_signals(void)
{
    sigset_t blocked;
    int count_blocked = 0, count_ignored = 0;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number <= 64; number++) {
        struct sigaction action;
        if (sigismember(&blocked, number) == 1) count_blocked++;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) count_ignored++;
    }
    printf("blocked=%d ignored=%d\n", count_blocked, count_ignored);
}

static void try_to_open(const char *path, int how)
{
    int file = open(path, how);
    printf("%s %s\n", path, file < 0 ? strerror(errno) : "opened");
}

static void spy_on_supervisor(const char *what)
{
    char path[64], bytes[65536];
    snprintf(path, sizeof path, "/proc/%d/environ", getppid());
    int file = open(path, O_RDONLY);
    ssize_t got = file < 0 ? -1 : read(file, bytes, sizeof bytes);
    if (got < 0) printf("environ=%s\n", strerror(errno));
    else printf("environ=%s\n", memmem(bytes, (size_t)got, what, strlen(what)) != NULL ? "shown" : "wiped");
}

static void make_zombies(int count)
{
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (fork() == 0) _exit(0);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    printf("orphaned=%d\n", count);
}

static int count_processes(char state)
{
    int count = 0;
    for (int pid = 1; pid < 2000; pid++) {
        char path[64], line[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue;
        char *end = fgets(line, sizeof line, file) == NULL ? NULL : strrchr(line, ')');
        if (end != NULL && (state == '\0' || end[2] == state)) count++;
        fclose(file);
    }
    return count;
}

/* The supervisor must be given the time to reap; how long does not matter. */
static void await_no_zombies(void)
{
    while (count_processes('Z') > 0) usleep(1000);
    printf("zombies=0 processes=%d\n", count_processes('\0'));
}

/* Leaves a process behind that belongs to nobody and does not want to go. */
static void make_daemon(void)
{
    if (fork() != 0) {
        wait(NULL);
        return;
    }
    setsid();
    if (fork() != 0) _exit(0);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    printf("daemon\n");
    fflush(stdout);
    for (;;) pause();
}

static void flood(long bytes)
{
    static const char padding[] = "the quick brown fox jumps over the lazy dog and over it again";
    for (long written = 0, line = 0; written < bytes; line++) written += printf("%09ld %s\n", line, padding);
}

static void listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 1) != 0) exit(1);
}

static void behave(const char *what, const char *how)
{
    if (strcmp(what, "environment") == 0) print_environment();
    else if (strcmp(what, "say") == 0) puts(how);
    else if (strcmp(what, "hex") == 0) print_hex(how);
    else if (strcmp(what, "identity") == 0) print_identity();
    else if (strcmp(what, "files") == 0) print_files();
    else if (strcmp(what, "signals") == 0) print_signals();
    else if (strcmp(what, "read") == 0) try_to_open(how, O_RDONLY);
    else if (strcmp(what, "write") == 0) try_to_open(how, O_WRONLY);
    else if (strcmp(what, "spy") == 0) spy_on_supervisor(how);
    else if (strcmp(what, "zombies") == 0) make_zombies(atoi(how));
    else if (strcmp(what, "reaped") == 0) await_no_zombies();
    else if (strcmp(what, "daemon") == 0) make_daemon();
    else if (strcmp(what, "flood") == 0) flood(atol(how));
    else if (strcmp(what, "listen") == 0) listen_on(atoi(how));
    else if (strcmp(what, "ignore") == 0) signal(atoi(how), SIG_IGN);
    else if (strcmp(what, "sleep") == 0) usleep((useconds_t)atol(how) * 1000);
    else if (strcmp(what, "exit") == 0) exit(atoi(how));
    else if (strcmp(what, "die") == 0) abort();
    else if (strcmp(what, "wait") == 0) for (;;) pause();
    else exit(99);
}

/* Each argument is WHAT or WHAT:HOW, done one after the other. */
int main(int count, char **argument)
{
    for (int i = 1; i < count; i++) {
        char *how = strchr(argument[i], ':');
        if (how != NULL) *how++ = '\0';
        behave(argument[i], how == NULL ? "" : how);
        fflush(stdout);
    }
    return 0;
}
