/*
 * Process 1 of every Containr guest: starts one process, keeps it running, keeps what it prints and tells whoever
 * knows the guest's secret. README.md beside this file is the contract; this file says how and why.
 *
 * One process, one thread, one poll loop. Nothing here waits for anybody but the disk: a client that does not read is
 * passed over, and the only blocking read is the one that learns whether exec succeeded.
 *
 * Linux only, C11, linked statically. The C library's own user database must not be used: static binaries cannot load
 * its modules, and a guest made FROM scratch has no database at all.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SIOCOUTQ
#define SIOCOUTQ 0x5411 /* bytes the peer has not acknowledged; <linux/sockios.h> is not everywhere */
#endif

#define VERSION 4
#define EXIT_UNCONFIGURED 78
#define LOG_FOLDER "/.containr/log"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* LXC and systemd mean the GNU C library's SIGRTMIN; musl counts one higher, so the macro cannot be used. */
#define FIRST_REALTIME_SIGNAL 34
#define SIGNAL_HALT (FIRST_REALTIME_SIGNAL + 3)
#define LAST_SIGNAL 64

enum {
    LINE_LIMIT = 16 * 1024,
    HEADER_LIMIT = 40,
    FRAME_LIMIT = HEADER_LIMIT + LINE_LIMIT + 1,
    CHUNK = 64 * 1024, /* read from a pipe or from the log at once; more than a frame */
    MEMORY_LIMIT = 1024 * 1024,
    SEGMENTS_A_LOG = 8,
    SEGMENT_MINIMUM = 32 * 1024, /* more than a frame */
    SEGMENTS_MAX = 32,
    FILE_LIMIT = 4 * 1024 * 1024, /* of /etc/passwd and the like */

    CLIENTS_MAX = 16,
    COMMAND_LIMIT = 256,
    AUTHENTICATE_WITHIN_MS = 5000,
    REFUSE_AFTER_MS = 1000,
    LINGER_MS = 1000,
    FAREWELL_MS = 1000,

    STREAMS_MAX = 8,
    GROUPS_MAX = 256,

    BACKOFF_FIRST_MS = 1000,
    BACKOFF_LAST_MS = 60000,
    GOOD_RUN_MS = 60000,
    READY_EAGER_MS = 10000,
    READY_EAGER_POLL_MS = 20,
    READY_LAZY_POLL_MS = 250,
    RETRY_MS = 1000,
    KILL_PATIENCE_MS = 2000,
};

/* ---------------------------------------------------------------------------------------------------------- basics */

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Tells the console: the only reader when there is no log to tell. */
__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("containr init: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static void *must(void *allocated)
{
    if (allocated == NULL) {
        complain("out of memory; give the guest more");
        _exit(EXIT_FAILURE);
    }
    return allocated;
}

/* Strict: digits only, no sign, no space, at most `most`. */
static bool parse_number(const char *text, uint64_t most, uint64_t *number)
{
    uint64_t value = 0;
    if (*text == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (most - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

/* A growing array of strings that somebody else owns, always ended by NULL. */
struct list {
    char **item;
    size_t count;
};

static void list_add(struct list *list, char *item)
{
    list->item = must(realloc(list->item, (list->count + 2) * sizeof *list->item));
    list->item[list->count++] = item;
    list->item[list->count] = NULL;
}

/* A whole regular file with a NUL behind it, or NULL. Never waits, whatever the image put at that path. */
static char *read_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) return NULL;
    struct stat status;
    char *text = NULL;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= FILE_LIMIT) {
        size_t size = 0;
        size_t room = (size_t)status.st_size;
        text = must(malloc(room + 1));
        for (ssize_t got; size < room && (got = read(file, text + size, room - size)) > 0;) size += (size_t)got;
        text[size] = '\0';
    }
    close(file);
    return text;
}

static bool write_all(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

/* Makes a folder and those above it; says in `made` whether the last one is new. */
static bool make_folders(const char *path, mode_t mode, bool *made)
{
    char partial[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof partial) {
        errno = ENAMETOOLONG;
        return false;
    }
    *made = false;
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0') continue;
        memcpy(partial, path, end);
        partial[end] = '\0';
        *made = mkdir(partial, end == length ? mode : 0755) == 0;
    }
    int error = *made ? 0 : errno; /* a better reason than that there is nothing */
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return true;
    errno = error == EEXIST ? ENOTDIR : error;
    return false;
}

/* --------------------------------------------------------------------------------------------------------- signals */

static const char *const signal_names[] = {
    [SIGHUP] = "HUP",   [SIGINT] = "INT",       [SIGQUIT] = "QUIT",   [SIGILL] = "ILL",   [SIGTRAP] = "TRAP",
    [SIGABRT] = "ABRT", [SIGBUS] = "BUS",       [SIGFPE] = "FPE",     [SIGKILL] = "KILL", [SIGUSR1] = "USR1",
    [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",     [SIGPIPE] = "PIPE",   [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
    [16] = "STKFLT",    [SIGCHLD] = "CHLD",     [SIGCONT] = "CONT",   [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
    [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",     [SIGURG] = "URG",     [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
    [SIGPROF] = "PROF", [SIGVTALRM] = "VTALRM", [SIGWINCH] = "WINCH", [SIGIO] = "IO",     [SIGPWR] = "PWR",
    [SIGSYS] = "SYS",
};
enum { SIGNAL_NAMES = sizeof signal_names / sizeof *signal_names };

/* Valid until the next call. */
static const char *signal_name(int number)
{
    static char name[24];
    if (number > 0 && number < SIGNAL_NAMES && signal_names[number] != NULL)
        snprintf(name, sizeof name, "SIG%s", signal_names[number]);
    else if (number >= FIRST_REALTIME_SIGNAL)
        snprintf(name, sizeof name, "SIGRTMIN+%d", number - FIRST_REALTIME_SIGNAL);
    else
        snprintf(name, sizeof name, "%d", number);
    return name;
}

/* RTMIN, RTMIN+3, RTMAX-2: what images with systemd inside ask for. 0 when it is none. */
static int parse_realtime_signal(const char *text)
{
    uint64_t distance = 0;
    bool from_first = strncasecmp(text, "RTMIN", 5) == 0;
    if (!from_first && strncasecmp(text, "RTMAX", 5) != 0) return 0;
    if (text[5] != '\0') {
        if (text[5] != (from_first ? '+' : '-')) return 0;
        if (!parse_number(text + 6, LAST_SIGNAL - FIRST_REALTIME_SIGNAL, &distance)) return 0;
    }
    return from_first ? FIRST_REALTIME_SIGNAL + (int)distance : LAST_SIGNAL - (int)distance;
}

/* SIGTERM, term, 15, SIGRTMIN+3; 0 when it is none. */
static int parse_signal(const char *text)
{
    uint64_t number;
    if (parse_number(text, LAST_SIGNAL, &number)) return (int)number;
    if (strncasecmp(text, "SIG", 3) == 0) text += 3;
    for (int i = 1; i < SIGNAL_NAMES; i++)
        if (signal_names[i] != NULL && strcasecmp(text, signal_names[i]) == 0) return i;
    return parse_realtime_signal(text);
}

/* What we listen to. The rest keeps its default, which for process 1 means that nobody in the guest can send it. */
static void handled_signals(sigset_t *set)
{
    static const int handled[] = {SIGCHLD, SIGTERM, SIGPWR,  SIGNAL_HALT, SIGHUP,
                                  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,     SIGWINCH};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) sigaddset(set, handled[i]);
}

/* Whoever started us may have left signals ignored or blocked; an ignored SIGCHLD would lose exit codes. */
static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number <= LAST_SIGNAL; number++) signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ------------------------------------------------------------------------------------------------- SHA-256 and HMAC */

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64 };

struct sha256 {
    uint32_t state[8];
    uint64_t total;
    uint8_t block[SHA256_BLOCK];
};

static inline __attribute__((always_inline)) uint32_t rotate_right(uint32_t word, int by)
{
    return word >> by | word << (32 - by);
}

static void sha256_start(struct sha256 *sha)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(sha->state, initial, sizeof initial);
    sha->total = 0;
}

__attribute__((optimize("O3"))) static void sha256_block(struct sha256 *sha, const uint8_t *block)
{
    static const uint32_t constant[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32_t word[64];
    for (int i = 0; i < 16; i++) {
        const uint8_t *byte = block + 4 * i;
        word[i] = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t a = word[i - 15], b = word[i - 2];
        word[i] = word[i - 16] + word[i - 7] + (rotate_right(a, 7) ^ rotate_right(a, 18) ^ a >> 3) +
                  (rotate_right(b, 17) ^ rotate_right(b, 19) ^ b >> 10);
    }

    /* Eight variables rather than an array: they stay in registers, which makes it many times as fast. */
    uint32_t a = sha->state[0], b = sha->state[1], c = sha->state[2], d = sha->state[3];
    uint32_t e = sha->state[4], f = sha->state[5], g = sha->state[6], h = sha->state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t mix_e = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t mix_a = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t first = h + mix_e + ((e & f) ^ (~e & g)) + constant[i] + word[i];
        uint32_t second = mix_a + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    sha->state[0] += a;
    sha->state[1] += b;
    sha->state[2] += c;
    sha->state[3] += d;
    sha->state[4] += e;
    sha->state[5] += f;
    sha->state[6] += g;
    sha->state[7] += h;
}

static void sha256_add(struct sha256 *sha, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    while (size > 0) {
        size_t at = (size_t)(sha->total % SHA256_BLOCK);
        size_t count = smaller(size, SHA256_BLOCK - at);
        if (count < SHA256_BLOCK) memcpy(sha->block + at, byte, count);
        if (at + count == SHA256_BLOCK) sha256_block(sha, count < SHA256_BLOCK ? sha->block : byte);
        sha->total += count;
        byte += count;
        size -= count;
    }
}

static void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_SIZE])
{
    uint64_t bits = sha->total * 8;
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(sha, "\x80", 1);
    while (sha->total % SHA256_BLOCK != SHA256_BLOCK - sizeof length) sha256_add(sha, "", 1);
    sha256_add(sha, length, sizeof length);
    for (int i = 0; i < SHA256_SIZE; i++) digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

static void hmac_sha256(const void *key, size_t key_size, const void *message, size_t size,
                        uint8_t digest[SHA256_SIZE])
{
    struct sha256 sha;
    uint8_t pad[SHA256_BLOCK] = {0};
    if (key_size <= SHA256_BLOCK) {
        memcpy(pad, key, key_size);
    } else {
        sha256_start(&sha);
        sha256_add(&sha, key, key_size);
        sha256_end(&sha, pad);
    }
    for (int i = 0; i < SHA256_BLOCK; i++) pad[i] ^= 0x36;
    sha256_start(&sha);
    sha256_add(&sha, pad, sizeof pad);
    sha256_add(&sha, message, size);
    sha256_end(&sha, digest);

    for (int i = 0; i < SHA256_BLOCK; i++) pad[i] ^= 0x36 ^ 0x5c;
    sha256_start(&sha);
    sha256_add(&sha, pad, sizeof pad);
    sha256_add(&sha, digest, SHA256_SIZE);
    sha256_end(&sha, digest);
    explicit_bzero(pad, sizeof pad);
    explicit_bzero(&sha, sizeof sha);
}

static void hex_encode(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

/* Takes the same time wherever the first difference is. */
static bool hex_equals(const char *text, const uint8_t *bytes, size_t size)
{
    unsigned different = 0;
    if (strlen(text) != 2 * size) return false;
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        different |= (high < 0 || low < 0) ? 1u : (unsigned)(high << 4 | low) ^ bytes[i];
    }
    return different == 0;
}

/* --------------------------------------------------------------------------------------------------- configuration */

enum restart { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

/* What the guest may be asked to run. */
struct program {
    const char *name, *user, *output, *input; /* NULL: not said */
    struct list arguments;
};

struct config {
    char *bytes; /* the decoded value; everything below points into it */
    struct list arguments, environment, nameservers, searches, hosts, volumes;
    const char *user, *cwd, *secret, *hostname;
    struct in_addr listen;
    uint16_t port, ready_port; /* ready_port 0: nobody asked */
    int stop_signal;
    int64_t stop_timeout_ms;
    enum restart restart;
    uint64_t log_limit;
    struct program *program;
    size_t program_count;
    bool hold;
};

static int base64_digit(char character)
{
    if (character >= 'A' && character <= 'Z') return character - 'A';
    if (character >= 'a' && character <= 'z') return character - 'a' + 26;
    if (character >= '0' && character <= '9') return character - '0' + 52;
    if (character == '+') return 62;
    if (character == '/') return 63;
    return -1;
}

/* `bytes` needs room for three quarters of the text. False when it is not padded RFC 4648. */
static bool base64_decode(const char *text, char *bytes, size_t *size)
{
    size_t length = strlen(text);
    if (length % 4 != 0) return false;
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=') padding++;
    uint32_t group = 0;
    *size = 0;
    for (size_t i = 0; i < length; i++) {
        int digit = i < length - padding ? base64_digit(text[i]) : 0;
        if (digit < 0) return false;
        group = group << 6 | (uint32_t)digit;
        if (i % 4 != 3) continue;
        for (int shift = 16; shift >= 0; shift -= 8) bytes[(*size)++] = (char)(group >> shift & 0xff);
    }
    *size -= padding;
    return true;
}

/* `text` needs room for four thirds of the bytes, rounded up, and a NUL. */
static void base64_encode(const char *bytes, size_t size, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++) group = group << 8 | (i + j < size ? (uint8_t)bytes[i + j] : 0);
        for (size_t j = 0; j < 4; j++) *text++ = i + j > size ? '=' : digits[group >> (18 - 6 * j) & 63];
    }
    *text = '\0';
}

static bool parse_port(const char *text, uint16_t *port)
{
    uint64_t number;
    if (!parse_number(text, UINT16_MAX, &number) || number == 0) return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_restart(const char *text, enum restart *restart)
{
    if (strcmp(text, "always") == 0) *restart = RESTART_ALWAYS;
    else if (strcmp(text, "on-failure") == 0) *restart = RESTART_ON_FAILURE;
    else if (strcmp(text, "never") == 0) *restart = RESTART_NEVER;
    else return false;
    return true;
}

static bool parse_log_limit(const char *text, uint64_t *limit)
{
    if (!parse_number(text, (uint64_t)1 << 50, limit)) return false;
    if (*limit < SEGMENTS_A_LOG * SEGMENT_MINIMUM) *limit = SEGMENTS_A_LOG * SEGMENT_MINIMUM;
    return true;
}

static bool parse_stop_timeout(const char *text, int64_t *milliseconds)
{
    uint64_t number;
    if (!parse_number(text, INT32_MAX, &number)) return false;
    *milliseconds = (int64_t)number;
    return true;
}

/* A group of pairs: what follows a name is about that command. */
static bool config_set_program(struct config *config, const char *key, char *value)
{
    if (*key == '\0') {
        size_t count = config->program_count++;
        config->program = must(realloc(config->program, (count + 1) * sizeof *config->program));
        config->program[count] = (struct program){.name = value};
        return true;
    }
    if (config->program_count == 0) return false;
    struct program *program = &config->program[config->program_count - 1];
    if (strcmp(key, "-arg") == 0) list_add(&program->arguments, value);
    else if (strcmp(key, "-user") == 0) program->user = value;
    else if (strcmp(key, "-output") == 0) return *(program->output = value) == '/';
    else if (strcmp(key, "-input") == 0) return *(program->input = value) == '/';
    return true;
}

static bool parse_yes(const char *text, bool *yes)
{
    *yes = strcmp(text, "yes") == 0;
    return *yes || strcmp(text, "no") == 0;
}

/* False when the value makes no sense. A key of a newer controller is none of our business. */
static bool config_set(struct config *config, const char *key, char *value)
{
    if (strcmp(key, "arg") == 0) list_add(&config->arguments, value);
    else if (strcmp(key, "env") == 0) {
        if (strchr(value, '=') == NULL) return false;
        list_add(&config->environment, value);
    }
    else if (strcmp(key, "user") == 0) config->user = value;
    else if (strcmp(key, "cwd") == 0) {
        config->cwd = value;
        return value[0] == '/';
    }
    else if (strcmp(key, "stop-signal") == 0) return (config->stop_signal = parse_signal(value)) != 0;
    else if (strcmp(key, "stop-timeout") == 0) return parse_stop_timeout(value, &config->stop_timeout_ms);
    else if (strcmp(key, "restart") == 0) return parse_restart(value, &config->restart);
    else if (strcmp(key, "secret") == 0) config->secret = value;
    else if (strcmp(key, "port") == 0) return parse_port(value, &config->port);
    else if (strcmp(key, "listen") == 0) return inet_pton(AF_INET, value, &config->listen) == 1;
    else if (strcmp(key, "hostname") == 0) config->hostname = value;
    else if (strcmp(key, "nameserver") == 0) list_add(&config->nameservers, value);
    else if (strcmp(key, "search") == 0) list_add(&config->searches, value);
    else if (strcmp(key, "hosts") == 0) list_add(&config->hosts, value);
    else if (strcmp(key, "volume") == 0) list_add(&config->volumes, value);
    else if (strcmp(key, "ready-port") == 0) return parse_port(value, &config->ready_port);
    else if (strcmp(key, "log-limit") == 0) return parse_log_limit(value, &config->log_limit);
    else if (strncmp(key, "command", 7) == 0) return config_set_program(config, key + 7, value);
    else if (strcmp(key, "hold") == 0) return parse_yes(value, &config->hold);
    return true;
}

/* What stands after the NUL that ends the string at `at`, or NULL when no NUL follows. */
static char *after_string(char *at, char *end)
{
    char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
    return nul == NULL ? NULL : nul + 1;
}

#include "sealed.c"

/* Elsewhere than in a guest, as in tests, no key is taken from a place that was not named. */
static const char *key_path(void)
{
    return getpid() == 1 ? KEY_FILE : getenv("CONTAINR_KEY_FILE");
}

/* Fills `config`; returns NULL, or what is wrong with the value (valid until the next call). */
static const char *config_decode(struct config *config, const char *text)
{
    static char problem[128];
    *config = (struct config){
        .user = "0", /* not "root": a guest made FROM scratch has no names */
        .cwd = "/",
        .listen.s_addr = htonl(INADDR_ANY),
        .port = 10301,
        .stop_signal = SIGTERM,
        .stop_timeout_ms = 10000,
        .log_limit = 64 * 1024 * 1024,
    };
    size_t size;
    config->bytes = must(malloc(strlen(text) / 4 * 3 + 1));
    if (strncmp(text, "2.", 2) == 0) {
        const char *sealed = sealed_open(text + 2, key_path(), config->bytes, &size);
        if (sealed != NULL) return sealed;
    } else if (!base64_decode(text, config->bytes, &size)) {
        return "it is not base64";
    }

    char *end = config->bytes + size;
    for (char *key = config->bytes, *value, *next; key < end; key = next) {
        value = after_string(key, end);
        next = value == NULL ? NULL : after_string(value, end);
        if (next == NULL) return "it ends in the middle of a pair";
        if (config_set(config, key, value)) continue;
        snprintf(problem, sizeof problem, "the value of '%.60s' makes no sense", key);
        return problem;
    }
    return config->arguments.count == 0 ? "it names no command ('arg')" : NULL;
}

/*
 * Reads CONTAINR_CONFIG and wipes it where the kernel shows it (/proc/1/environ): it holds the secret and everybody's
 * passwords.
 */
static const char *config_take(struct config *config)
{
    extern char **environ;
    static const char name[] = "CONTAINR_CONFIG=";
    const char *problem = "it is not set";
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, name, sizeof name - 1) != 0) continue;
        char *text = *variable + sizeof name - 1;
        problem = config_decode(config, text);
        explicit_bzero(text, strlen(text));
        break;
    }
    unsetenv("CONTAINR_CONFIG");
    return problem;
}

/* ---------------------------------------------------------------------------------------------------------- frames */

/* The size of the header at `bytes` and in `length` that of its data; 0 when there is none. */
static size_t frame_header(const char *bytes, size_t size, size_t *length)
{
    enum { TIME_AT = 2, TIME_DIGITS = 19, LENGTH_AT = TIME_AT + TIME_DIGITS + 1, LENGTH_DIGITS = 5 };
    if (size <= LENGTH_AT || memchr("oOeEs", bytes[0], 5) == NULL) return 0;
    if (bytes[1] != ' ' || bytes[LENGTH_AT - 1] != ' ') return 0;
    for (size_t i = TIME_AT; i < TIME_AT + TIME_DIGITS; i++)
        if (bytes[i] < '0' || bytes[i] > '9') return 0;
    *length = 0;
    for (size_t i = LENGTH_AT; i < size && i <= LENGTH_AT + LENGTH_DIGITS; i++) {
        if (bytes[i] == '\n') return i > LENGTH_AT && *length <= LINE_LIMIT ? i + 1 : 0;
        if (bytes[i] < '0' || bytes[i] > '9') return 0;
        *length = *length * 10 + (size_t)(bytes[i] - '0');
    }
    return 0;
}

/* The size of the whole frame at `bytes`; 0 when it is cut off or none. */
static size_t frame_size(const char *bytes, size_t size)
{
    size_t length;
    size_t header = frame_header(bytes, size, &length);
    if (header == 0 || size < header + length + 1) return 0;
    return bytes[header + length] == '\n' ? header + length + 1 : 0;
}

/* How many of the bytes are whole frames, up to the first frame that ends at `enough` or behind it. */
static size_t frames_until(const char *bytes, size_t size, size_t enough)
{
    size_t whole = 0;
    for (size_t next; whole < enough && (next = frame_size(bytes + whole, size - whole)) > 0;) whole += next;
    return whole;
}

static size_t whole_frames(const char *bytes, size_t size)
{
    return frames_until(bytes, size, size);
}

/* ------------------------------------------------------------------------------------------------------------- log */

struct segment {
    uint64_t start;
    uint64_t size; /* of whole frames; the file may be longer when a cut failed */
    int file;
    bool sealed; /* nothing may be appended any more */
};

static struct {
    int folder; /* -1: frames live in memory */
    uint64_t limit;
    struct segment segment[SEGMENTS_MAX]; /* oldest first; the last one is written */
    int segments;
    uint64_t memory_start; /* memory holds the bytes from here to end */
    uint64_t end;
    uint64_t dropped; /* bytes of output lost since the disk filled up */
    int64_t retry_at;
    char batch[2 * CHUNK]; /* frames on their way to the disk: one write for many lines */
    size_t batched;
    char memory[MEMORY_LIMIT];
} logs; /* no initial values: they would put all of this into the binary */

static struct segment *last_segment(void)
{
    return logs.segments > 0 ? &logs.segment[logs.segments - 1] : NULL;
}

static void segment_name(uint64_t start, char name[24])
{
    snprintf(name, 24, "%020" PRIu64, start);
}

static void drop_oldest_segment(void)
{
    char name[24];
    segment_name(logs.segment[0].start, name);
    unlinkat(logs.folder, name, 0);
    close(logs.segment[0].file);
    logs.segments--;
    memmove(logs.segment, logs.segment + 1, (size_t)logs.segments * sizeof *logs.segment);
}

static uint64_t bytes_on_disk(void)
{
    uint64_t total = 0;
    for (int i = 0; i < logs.segments; i++) total += logs.segment[i].size;
    return total;
}

/* Frames that are on the disk stay readable; new ones go to memory. */
static void turn_to_memory(const char *why)
{
    complain("cannot write the log (%s); it is kept in memory, at most %d bytes of it", why, MEMORY_LIMIT);
    if (logs.folder >= 0) close(logs.folder);
    logs.folder = -1;
    logs.memory_start = logs.end;
}

static bool disk_is_full(int error)
{
    return error == ENOSPC || error == EDQUOT;
}

static bool begin_segment(void)
{
    uint64_t size = logs.limit / SEGMENTS_A_LOG;
    if (logs.segments > 0 && last_segment()->size == 0) close(logs.segment[--logs.segments].file); /* same name */
    while (logs.segments > 0 && (logs.segments == SEGMENTS_MAX || bytes_on_disk() + size > logs.limit))
        drop_oldest_segment();
    char name[24];
    segment_name(logs.end, name);
    int file = openat(logs.folder, name, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return false;
    logs.segment[logs.segments++] = (struct segment){.start = logs.end, .file = file};
    return true;
}

static void copy_to_memory(uint64_t offset, const char *bytes, size_t size)
{
    size_t at = offset % MEMORY_LIMIT;
    size_t first = smaller(size, MEMORY_LIMIT - at);
    memcpy(logs.memory + at, bytes, first);
    memcpy(logs.memory, bytes + first, size - first);
}

static void copy_from_memory(uint64_t offset, char *bytes, size_t size)
{
    size_t at = offset % MEMORY_LIMIT;
    size_t first = smaller(size, MEMORY_LIMIT - at);
    memcpy(bytes, logs.memory + at, first);
    memcpy(bytes + first, logs.memory, size - first);
}

static void append_to_memory(const char *frames, size_t size)
{
    while (logs.end + size - logs.memory_start > MEMORY_LIMIT) {
        char bytes[HEADER_LIMIT];
        size_t length = 0;
        copy_from_memory(logs.memory_start, bytes, sizeof bytes);
        logs.memory_start += frame_header(bytes, sizeof bytes, &length) + length + 1;
    }
    copy_to_memory(logs.end, frames, size);
    logs.end += size;
}

/* All or nothing, so that the log never holds half a frame. False when the disk is full. */
static bool append_to_segment(struct segment *segment, const char *frames, size_t size)
{
    if (write_all(segment->file, frames, size)) {
        segment->size += size;
        logs.end += size;
        return true;
    }
    int error = errno;
    if (ftruncate(segment->file, (off_t)segment->size) != 0) segment->sealed = true;
    if (disk_is_full(error)) return false;
    turn_to_memory(strerror(error));
    append_to_memory(frames, size);
    return true;
}

/* The size of the frames at `frames` that go to the disk with one write; a new segment is begun where one is due. */
static size_t next_run(const char *frames, size_t size, bool one)
{
    struct segment *segment = last_segment();
    size_t first = frame_size(frames, size);
    uint64_t limit = logs.limit / SEGMENTS_A_LOG;
    if (segment == NULL || segment->sealed || segment->size + first > limit) {
        if (!begin_segment()) return 0;
        segment = last_segment();
    }
    uint64_t room = limit - segment->size;
    return one ? first : whole_frames(frames, room < size ? (size_t)room : size);
}

/* How many of the bytes were saved; less than all when the disk is full. */
static size_t save_frames(const char *frames, size_t size)
{
    size_t saved = 0;
    bool one_by_one = false;
    while (saved < size) {
        if (logs.folder < 0) {
            append_to_memory(frames + saved, size - saved);
            return size;
        }
        size_t run = next_run(frames + saved, size - saved, one_by_one);
        if (run == 0 && !disk_is_full(errno)) {
            turn_to_memory(strerror(errno));
        } else if (run > 0 && append_to_segment(last_segment(), frames + saved, run)) {
            saved += run;
        } else if (run == 0 || one_by_one) {
            break;
        } else {
            one_by_one = true; /* the last bytes of the disk still take some of them */
        }
    }
    return saved;
}

static size_t format_frame(char *bytes, char stream, const char *data, size_t length)
{
    int header = snprintf(bytes, HEADER_LIMIT, "%c %019" PRIu64 " %zu\n", stream, realtime_ns(), length);
    memcpy(bytes + header, data, length);
    bytes[(size_t)header + length] = '\n';
    return (size_t)header + length + 1;
}

/* Says what was lost before anything else is written. False when there is still no room even for that. */
static bool confess_dropped(void)
{
    char text[64], frame[HEADER_LIMIT + sizeof text];
    if (logs.dropped == 0) return true;
    int length = snprintf(text, sizeof text, "event=dropped bytes=%" PRIu64, logs.dropped);
    size_t size = format_frame(frame, 's', text, (size_t)length);
    if (save_frames(frame, size) < size) return false;
    logs.dropped = 0;
    return true;
}

static void count_dropped(const char *frames, size_t size)
{
    for (size_t at = 0, length; at < size; at += length + 1) {
        at += frame_header(frames + at, size - at, &length);
        logs.dropped += length;
    }
    logs.retry_at = monotonic_ms() + RETRY_MS;
}

static bool holds_event(const char *frames, size_t size)
{
    for (size_t at = 0; at < size; at += frame_size(frames + at, size - at))
        if (frames[at] == 's') return true;
    return false;
}

static void log_flush(void)
{
    size_t size = logs.batched;
    logs.batched = 0;
    if (size == 0) return;
    size_t saved = confess_dropped() ? save_frames(logs.batch, size) : 0;
    if (saved < size && logs.segments > 1 && holds_event(logs.batch + saved, size - saved)) {
        /* On a full disk the reason why a process ended is worth more than the oldest lines. */
        drop_oldest_segment();
        if (confess_dropped()) saved += save_frames(logs.batch + saved, size - saved);
    }
    if (saved < size) count_dropped(logs.batch + saved, size - saved);
}

/* Keeps one frame. It reaches the disk and the clients with the next log_flush(). */
static void log_frame(char stream, const char *data, size_t length)
{
    if (logs.batched + FRAME_LIMIT > sizeof logs.batch) log_flush();
    logs.batched += format_frame(logs.batch + logs.batched, stream, data, length);
}

__attribute__((format(printf, 1, 2))) static void log_event(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_frame('s', text, smaller((size_t)length, sizeof text - 1));
    log_flush();
}

static uint64_t log_start(void)
{
    if (logs.segments > 0) return logs.segment[0].start;
    return logs.folder < 0 ? logs.memory_start : logs.end;
}

static struct segment *segment_holding(uint64_t offset)
{
    for (int i = 0; i < logs.segments; i++) {
        struct segment *segment = &logs.segment[i];
        if (offset >= segment->start && offset - segment->start < segment->size) return segment;
    }
    return NULL;
}

/* The first offset at `offset` or behind it that can be read; the end of the log when there is none. */
static uint64_t log_readable_from(uint64_t offset)
{
    if (segment_holding(offset) != NULL) return offset;
    for (int i = 0; i < logs.segments; i++)
        if (offset < logs.segment[i].start && logs.segment[i].size > 0) return logs.segment[i].start;
    if (logs.folder < 0 && offset < logs.end) return offset > logs.memory_start ? offset : logs.memory_start;
    return logs.end;
}

/* Where the bytes that lie together with those at `offset` end. */
static uint64_t log_run_end(uint64_t offset)
{
    struct segment *segment = segment_holding(offset);
    return segment == NULL ? logs.end : segment->start + segment->size;
}

/* As many bytes as there are together at a readable `offset`; 0 when the disk fails. */
static size_t log_read(uint64_t offset, char *bytes, size_t size)
{
    struct segment *segment = segment_holding(offset);
    uint64_t left = log_run_end(offset) - offset;
    if (left < size) size = (size_t)left;
    if (segment == NULL) {
        copy_from_memory(offset, bytes, size);
        return size;
    }
    ssize_t got = pread(segment->file, bytes, size, (off_t)(offset - segment->start));
    return got < 0 ? 0 : (size_t)got;
}

/* The end of the last whole frame of a file, searched for no further than `size`. */
static uint64_t whole_frames_of_file(int file, uint64_t size, uint64_t enough)
{
    static char bytes[CHUNK];
    uint64_t whole = 0;
    while (whole < enough) {
        uint64_t left = size - whole;
        ssize_t got = pread(file, bytes, left < CHUNK ? (size_t)left : CHUNK, (off_t)whole);
        if (got <= 0) break;
        size_t wanted = enough - whole < (uint64_t)got ? (size_t)(enough - whole) : (size_t)got;
        size_t frames = frames_until(bytes, (size_t)got, wanted);
        if (frames == 0) break;
        whole += frames;
    }
    return whole;
}

/*
 * The end of the frame that `offset` lies in, which is `offset` itself between two frames; smaller than `offset` when
 * the disk gave back something that is no frame.
 */
static uint64_t frame_end_after(uint64_t offset)
{
    struct segment *segment = segment_holding(offset);
    if (segment != NULL)
        return segment->start + whole_frames_of_file(segment->file, segment->size, offset - segment->start);
    uint64_t at = logs.memory_start;
    while (at < offset) {
        char header[HEADER_LIMIT];
        size_t length = 0;
        copy_from_memory(at, header, sizeof header);
        at += frame_header(header, sizeof header, &length) + length + 1;
    }
    return at;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The offsets that files in the folder are named after, sorted. The caller frees them. */
static uint64_t *list_segments(int folder, size_t *count)
{
    uint64_t *starts = NULL;
    *count = 0;
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (entries == NULL) return NULL;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        uint64_t start;
        if (strlen(entry->d_name) != 20 || !parse_number(entry->d_name, INT64_MAX, &start)) continue;
        starts = must(realloc(starts, (*count + 1) * sizeof *starts));
        starts[(*count)++] = start;
    }
    closedir(entries);
    if (*count > 0) qsort(starts, *count, sizeof *starts, by_number);
    return starts;
}

/* Opens one segment that is there. `next` is where the following one starts: whatever lies behind that is no frame. */
static void recover_segment(uint64_t start, uint64_t next)
{
    char name[24];
    struct stat status;
    segment_name(start, name);
    int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    bool sealed = false;
    int file = openat(logs.folder, name, O_RDWR | O_APPEND | flags);
    if (file < 0) {
        sealed = true;
        file = openat(logs.folder, name, O_RDONLY | flags);
    }
    if (file < 0) return;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(file);
        return;
    }
    uint64_t size = (uint64_t)status.st_size < next - start ? (uint64_t)status.st_size : next - start;
    if (logs.segments == SEGMENTS_MAX) drop_oldest_segment();
    logs.segment[logs.segments++] = (struct segment){.start = start, .size = size, .file = file, .sealed = sealed};
}

/* The supervisor may have died in the middle of a frame: what follows the last whole one is cut off. */
static void cut_last_segment(void)
{
    struct segment *last = last_segment();
    uint64_t size = last->size;
    last->size = whole_frames_of_file(last->file, size, size);
    if (last->size < size && ftruncate(last->file, (off_t)last->size) != 0) last->sealed = true;
    logs.end = last->start + last->size;
}

/* Finds what earlier lives of this guest left and goes on behind it. Without a folder the log lives in memory. */
static void log_open(const char *path, uint64_t limit)
{
    bool made;
    logs.folder = -1;
    logs.limit = limit;
    if (path == NULL) return;
    if (make_folders(path, 0700, &made)) logs.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (logs.folder < 0) {
        turn_to_memory(strerror(errno));
        return;
    }
    if (fchmod(logs.folder, 0700) != 0 && errno != EROFS) complain("cannot protect %s: %s", path, strerror(errno));
    size_t count;
    uint64_t *starts = list_segments(logs.folder, &count);
    for (size_t i = 0; i < count; i++) recover_segment(starts[i], i + 1 < count ? starts[i + 1] : INT64_MAX);
    free(starts);
    if (logs.segments > 0) cut_last_segment();
    while (logs.segments > 1 && bytes_on_disk() > limit) drop_oldest_segment();
    if ((logs.segments == 0 || last_segment()->sealed) && !begin_segment()) turn_to_memory(strerror(errno));
}

static void log_close(void)
{
    log_flush();
    if (logs.folder >= 0 && logs.segments > 0) fdatasync(last_segment()->file);
}

/* ---------------------------------------------------------------------------------------------------------- server */

enum state { STARTING, HELD, RUNNING, LISTENING, BACKOFF, FINISHED, STOPPING };
static const char *const state_names[] = {"starting", "held", "running", "listening", "backoff", "finished", "stopping"};
static enum state state = STARTING;

enum phase {
    NOBODY = 0,
    GREETED,   /* has the nonce, owes the HMAC */
    REFUSED,   /* gave a wrong one and waits to be told */
    ADMITTED,  /* may ask */
    STREAMING, /* reads the log */
    HANDED_OVER, /* speaks with the keeper of a run, and with us again once that has ended */
    LEAVING,   /* gets what is queued, then the end */
};

struct run;

struct client {
    enum phase phase;
    int socket;
    int64_t deadline; /* of GREETED, REFUSED and LEAVING */
    char nonce[33];
    char input[COMMAND_LIMIT];
    size_t input_size;
    char output[FRAME_LIMIT + COMMAND_LIMIT]; /* replies and the rest of a frame: goes out before the log does */
    size_t output_size, output_sent;
    uint64_t offset; /* of the log, always between two frames */
    const struct run *run; /* of HANDED_OVER */
};

static struct {
    const char *secret;
    struct sockaddr_in address;
    int listener;
    int64_t listen_at;
    struct client client[CLIENTS_MAX];
} server; /* like the log, without initial values */

static void client_close(struct client *client)
{
    close(client->socket);
    client->phase = NOBODY;
}

static size_t client_owed(const struct client *client)
{
    return client->phase == NOBODY ? 0 : client->output_size - client->output_sent;
}

/* Every reply is short, and no command is read before the last reply is gone: there is always room. */
__attribute__((format(printf, 2, 3))) static void client_say(struct client *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *at = client->output + client->output_size;
    size_t room = sizeof client->output - client->output_size;
    int length = vsnprintf(at, room, format, arguments);
    va_end(arguments);
    client->output_size += smaller((size_t)length, room - 1);
}

static void client_refuse(struct client *client, const char *why)
{
    client_say(client, "ERR %s\n", why);
    client->phase = LEAVING;
    client->deadline = monotonic_ms() + LINGER_MS;
}

static void client_authenticate(struct client *client, const char *proof)
{
    uint8_t expected[SHA256_SIZE];
    hmac_sha256(server.secret, strlen(server.secret), client->nonce, strlen(client->nonce), expected);
    if (!hex_equals(proof, expected, sizeof expected)) {
        client->phase = REFUSED;
        client->deadline = monotonic_ms() + REFUSE_AFTER_MS;
        return;
    }
    client->phase = ADMITTED;
    client_say(client, "OK %" PRIu64 " %" PRIu64 " %s\n", log_start(), logs.end, state_names[state]);
}

/* Tells the client what it will not see, and goes on behind it. */
static void client_skip_to(struct client *client, uint64_t offset)
{
    client_say(client, "GAP %" PRIu64 " %" PRIu64 "\n", client->offset, offset);
    client->offset = offset;
}

/* From the middle of a frame, the rest of it goes ahead: afterwards the client's offset is between two frames. */
static void client_finish_frame(struct client *client)
{
    uint64_t end = frame_end_after(client->offset);
    size_t rest = (size_t)(end - client->offset);
    if (end < client->offset || log_read(client->offset, client->output + client->output_size, rest) < rest) {
        client_skip_to(client, log_run_end(client->offset));
        return;
    }
    client->output_size += rest;
    client->offset = end;
}

static void client_stream(struct client *client, const char *from)
{
    if (!parse_number(from, UINT64_MAX, &client->offset)) {
        client_refuse(client, "LOGS wants an offset");
        return;
    }
    if (client->offset > logs.end) {
        client_refuse(client, "the log ends before that offset");
        return;
    }
    client->phase = STREAMING;
    uint64_t readable = log_readable_from(client->offset);
    if (readable != client->offset) {
        client_skip_to(client, readable);
        return;
    }
    client_say(client, "FROM %" PRIu64 "\n", client->offset);
    if (client->offset < logs.end) client_finish_frame(client);
}

enum kind { TO_FILE, TO_CLIENT, FROM_CLIENT }; /* where the bytes of a run go, or come from */
static void client_runs(struct client *client, char *words, enum kind kind);
static void client_usage(struct client *client);
static void start_process(void);

/* A second order to start what runs already changes nothing. */
static void client_release(struct client *client)
{
    if (state == HELD) start_process();
    client_say(client, "%s\n", state_names[state]);
}

static void client_command(struct client *client, char *line)
{
    if (client->phase == GREETED) {
        if (strncmp(line, "AUTH ", 5) == 0) client_authenticate(client, line + 5);
        else client_refuse(client, "authenticate first");
    } else if (strcmp(line, "STATUS") == 0) {
        client_say(client, "%s\n", state_names[state]);
    } else if (strncmp(line, "LOGS ", 5) == 0) {
        client_stream(client, line + 5);
    } else if (strcmp(line, "RELEASE") == 0) {
        client_release(client);
    } else if (strcmp(line, "USAGE") == 0) {
        client_usage(client);
    } else if (strncmp(line, "RUN ", 4) == 0) {
        client_runs(client, line + 4, TO_FILE);
    } else if (strncmp(line, "READ ", 5) == 0) {
        client_runs(client, line + 5, TO_CLIENT);
    } else if (strncmp(line, "WRITE ", 6) == 0) {
        client_runs(client, line + 6, FROM_CLIENT);
    } else {
        client_refuse(client, "unknown command");
    }
}

static bool client_takes_commands(const struct client *client)
{
    return (client->phase == GREETED || client->phase == ADMITTED) && client_owed(client) == 0;
}

static bool client_has_command(const struct client *client)
{
    return client_takes_commands(client) && memchr(client->input, '\n', client->input_size) != NULL;
}

static void client_obey(struct client *client)
{
    while (client_has_command(client)) {
        char line[COMMAND_LIMIT];
        char *newline = memchr(client->input, '\n', client->input_size);
        size_t length = (size_t)(newline - client->input);
        memcpy(line, client->input, length);
        line[length] = '\0';
        client->input_size -= length + 1;
        memmove(client->input, newline + 1, client->input_size);
        client_command(client, line);
    }
    if (client_takes_commands(client) && client->input_size == sizeof client->input)
        client_refuse(client, "the line is too long");
}

/* Once there is nothing more to say to us, what still comes is only watched for its end. */
static void client_receive(struct client *client)
{
    char ignored[COMMAND_LIMIT];
    bool heard = client_takes_commands(client);
    char *at = heard ? client->input + client->input_size : ignored;
    size_t room = heard ? sizeof client->input - client->input_size : sizeof ignored;
    ssize_t got = recv(client->socket, at, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) client_close(client);
    else if (heard) client->input_size += (size_t)got;
}

static ssize_t client_send_bytes(struct client *client, const char *bytes, size_t size)
{
    ssize_t sent = send(client->socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EAGAIN && errno != EINTR) client_close(client);
    return 0;
}

static void client_send_output(struct client *client)
{
    client->output_sent += (size_t)client_send_bytes(client, client->output + client->output_sent, client_owed(client));
    if (client_owed(client) > 0 || client->phase == NOBODY) return;
    client->output_size = client->output_sent = 0;
    /* Closing now, with a command of the client unread, would reset the connection and take the reply with it. */
    if (client->phase == LEAVING) shutdown(client->socket, SHUT_WR);
}

/*
 * Sends what there is of the log, at most a chunk. Nothing of it is kept for the client but the rest of a frame that
 * was sent in part, so that whatever happens to the file meanwhile, what the client reads is whole frames.
 */
static void client_send_log(struct client *client)
{
    static char bytes[CHUNK];
    uint64_t readable = log_readable_from(client->offset);
    if (readable != client->offset) {
        client_skip_to(client, readable);
        return;
    }
    size_t size = whole_frames(bytes, log_read(client->offset, bytes, sizeof bytes));
    if (size == 0) { /* the disk gave back something that is no frame */
        client_skip_to(client, log_run_end(client->offset));
        return;
    }
    size_t sent = (size_t)client_send_bytes(client, bytes, size);
    size_t framed = frames_until(bytes, size, sent);
    memcpy(client->output, bytes + sent, framed - sent);
    client->output_size = framed - sent;
    client->output_sent = 0;
    client->offset += framed;
}

static bool client_wants_to_send(const struct client *client)
{
    return client_owed(client) > 0 || (client->phase == STREAMING && client->offset < logs.end);
}

static void client_send(struct client *client)
{
    if (client_owed(client) > 0) client_send_output(client);
    if (client->phase == STREAMING && client_owed(client) == 0 && client->offset < logs.end) client_send_log(client);
}

static short client_interest(const struct client *client)
{
    bool listens = client_takes_commands(client) || client->phase == STREAMING || client->phase == LEAVING;
    return (short)((listens ? POLLIN : 0) | (client_wants_to_send(client) ? POLLOUT : 0));
}

/* A client may send its next command before it has the last answer: the answer goes out first. */
static void client_serve(struct client *client, short events)
{
    if (events & (POLLIN | POLLHUP | POLLERR)) client_receive(client);
    do {
        if (client_wants_to_send(client)) client_send(client);
        client_obey(client);
        if (client_wants_to_send(client)) client_send(client);
    } while (client_has_command(client));
}

static bool client_has_deadline(const struct client *client)
{
    return client->phase == GREETED || client->phase == REFUSED || client->phase == LEAVING;
}

static void client_overdue(struct client *client)
{
    if (client->phase == REFUSED) client_refuse(client, "wrong secret");
    else client_close(client);
}

/* A free place; the one of the longest waiting stranger when all are taken, so that strangers cannot lock us out. */
static struct client *client_place(void)
{
    struct client *oldest = NULL;
    for (struct client *client = server.client; client < server.client + CLIENTS_MAX; client++) {
        if (client->phase == NOBODY) return client;
        if (client->phase != GREETED && client->phase != REFUSED) continue;
        if (oldest == NULL || client->deadline < oldest->deadline) oldest = client;
    }
    if (oldest != NULL) client_close(oldest);
    return oldest;
}

/* A controller whose machine lost power must not keep its place for ever. */
static void watch_over_connection(int socket)
{
    int yes = 1, idle_s = 30, interval_s = 10, probes = 3;
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static void client_greet(struct client *client, int socket)
{
    uint8_t random[16];
    memset(client, 0, sizeof *client);
    client->socket = socket;
    if (getrandom(random, sizeof random, 0) != sizeof random) { /* a nonce that can be guessed is none */
        client_close(client);
        return;
    }
    watch_over_connection(socket);
    hex_encode(random, sizeof random, client->nonce);
    client->phase = GREETED;
    client->deadline = monotonic_ms() + AUTHENTICATE_WITHIN_MS;
    client_say(client, "CONTAINR/1 %s\n", client->nonce);
}

static void server_pause(void)
{
    if (server.listener >= 0) close(server.listener);
    server.listener = -1;
    server.listen_at = monotonic_ms() + RETRY_MS;
}

static void server_accept(void)
{
    for (int socket; (socket = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct client *client = client_place();
        if (client == NULL) close(socket);
        else client_greet(client, socket);
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    server_pause(); /* short of memory or files: asking again at once would only burn the processor */
}

/* Tries again later when it fails: the address may come by DHCP, the port may still be taken. */
static void server_listen(void)
{
    static bool complained;
    int yes = 1;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server.listener >= 0) {
        setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(server.listener, (struct sockaddr *)&server.address, sizeof server.address) == 0 &&
            listen(server.listener, 2 * CLIENTS_MAX) == 0)
            return;
    }
    if (!complained) {
        complain("cannot listen on port %d (%s); trying again every second, until then nobody can read the log",
                 ntohs(server.address.sin_port), strerror(errno));
        complained = true;
    }
    server_pause();
}

static void server_open(const struct config *config)
{
    server.listener = -1;
    if (config->secret == NULL || *config->secret == '\0') return;
    server.secret = config->secret;
    server.address.sin_family = AF_INET;
    server.address.sin_addr = config->listen;
    server.address.sin_port = htons(config->port);
    server_listen();
}

static bool server_is_owed(void)
{
    for (const struct client *client = server.client; client < server.client + CLIENTS_MAX; client++) {
        int unsent = 0;
        if (client->phase != STREAMING) continue;
        if (client_wants_to_send(client)) return true;
        if (ioctl(client->socket, SIOCOUTQ, &unsent) == 0 && unsent > 0) return true;
    }
    return false;
}

/* The guest's network dies with us: the last lines reach those who read only if we wait a moment. */
static void server_farewell(void)
{
    int64_t deadline = monotonic_ms() + FAREWELL_MS;
    while (server_is_owed() && monotonic_ms() < deadline) {
        for (struct client *client = server.client; client < server.client + CLIENTS_MAX; client++)
            if (client->phase == STREAMING) client_send(client);
        poll(NULL, 0, 2);
    }
}

/* --------------------------------------------------------------------------------------------- files of the guest */

/* Replaces a file at once and whole; writes into it where it is mounted and cannot be replaced. */
static void replace_file(const char *path, const char *text)
{
    char fresh[64];
    snprintf(fresh, sizeof fresh, "%s.containr", path);
    unlink(fresh);
    int file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool written = file >= 0 && write_all(file, text, strlen(text));
    if (file >= 0) close(file);
    if (written && rename(fresh, path) == 0) return;
    unlink(fresh);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (file < 0 || !write_all(file, text, strlen(text))) complain("cannot write %s: %s", path, strerror(errno));
    if (file >= 0) close(file);
}

static const char hosts_begin[] = "# containr: begin\n";
static const char hosts_end[] = "# containr: end\n";

/* Takes our own lines of the last start out of the text, so that they do not pile up. */
static void remove_our_lines(char *text)
{
    char *begin = strstr(text, hosts_begin);
    char *end = begin == NULL ? NULL : strstr(begin, hosts_end);
    if (end == NULL) return;
    end += sizeof hosts_end - 1;
    memmove(begin, end, strlen(end) + 1);
}

static void write_hosts(const struct config *config)
{
    char *old = read_file("/etc/hosts"), *text;
    size_t size;
    if (config->hostname == NULL && config->hosts.count == 0) {
        free(old);
        return;
    }
    if (old != NULL) remove_our_lines(old);
    FILE *out = must(open_memstream(&text, &size));
    if (old != NULL) fputs(old, out);
    if (old != NULL && *old != '\0' && old[strlen(old) - 1] != '\n') fputc('\n', out);
    fputs(hosts_begin, out);
    if (old == NULL || strstr(old, "localhost") == NULL) fputs("127.0.0.1 localhost\n::1 localhost\n", out);
    if (config->hostname != NULL) fprintf(out, "127.0.1.1 %s\n", config->hostname);
    for (size_t i = 0; i < config->hosts.count; i++) fprintf(out, "%s\n", config->hosts.item[i]);
    fputs(hosts_end, out);
    fclose(out);
    replace_file("/etc/hosts", text);
    free(text);
    free(old);
}

/* One `search` line: of several only the last would count. */
static void write_resolv_conf(const struct config *config)
{
    char *text;
    size_t size;
    if (config->nameservers.count == 0 && config->searches.count == 0) return;
    FILE *out = must(open_memstream(&text, &size));
    if (config->searches.count > 0) fputs("search", out);
    for (size_t i = 0; i < config->searches.count; i++) fprintf(out, " %s", config->searches.item[i]);
    if (config->searches.count > 0) fputc('\n', out);
    for (size_t i = 0; i < config->nameservers.count; i++) fprintf(out, "nameserver %s\n", config->nameservers.item[i]);
    fclose(out);
    replace_file("/etc/resolv.conf", text);
    free(text);
}

static void write_hostname(const char *hostname)
{
    char line[256];
    if (hostname == NULL) return;
    snprintf(line, sizeof line, "%s\n", hostname);
    replace_file("/etc/hostname", line);
    if (sethostname(hostname, strlen(hostname)) != 0) complain("cannot set the hostname: %s", strerror(errno));
}

static void prepare_guest(const struct config *config)
{
    mkdir("/etc", 0755);
    write_hostname(config->hostname);
    write_hosts(config);
    write_resolv_conf(config);
}

/* --------------------------------------------------------------------------- the child, between fork and exec */

struct identity {
    uid_t uid;
    gid_t gid;
    gid_t groups[GROUPS_MAX];
    size_t group_count;
    char name[256];
    char home[PATH_MAX];
};

/* Tells the supervisor why there is no process, and ends. */
__attribute__((format(printf, 3, 4))) static _Noreturn void give_up(int report, int error, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    write_all(report, (const char *)&error, sizeof error);
    write_all(report, text, strlen(text));
    _exit(EXIT_FAILURE);
}

/* Cuts a line of passwd or group into its fields; missing ones are empty. */
static void split_fields(char *line, char *field[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        field[i] = line == NULL ? "" : strsep(&line, ":");
    }
}

static bool parse_id(const char *text, uint32_t *id)
{
    uint64_t number;
    if (!parse_number(text, UINT32_MAX - 1, &number)) return false; /* the last one means "no change" to the kernel */
    *id = (uint32_t)number;
    return true;
}

/* A name matches, and so does a number written as one. */
static bool is_called(const char *wanted, const char *name, uint32_t id)
{
    uint32_t number;
    return strcmp(wanted, name) == 0 || (parse_id(wanted, &number) && number == id);
}

static bool find_user(const char *wanted, struct identity *identity)
{
    char *text = read_file("/etc/passwd"), *rest = text, *line, *field[6];
    bool found = false;
    while (!found && (line = strsep(&rest, "\n")) != NULL) {
        uint32_t uid, gid;
        split_fields(line, field, 6);
        if (!parse_id(field[2], &uid) || !parse_id(field[3], &gid) || !is_called(wanted, field[0], uid)) continue;
        identity->uid = uid;
        identity->gid = gid;
        snprintf(identity->name, sizeof identity->name, "%s", field[0]);
        if (*field[5] != '\0') snprintf(identity->home, sizeof identity->home, "%s", field[5]);
        found = true;
    }
    free(text);
    return found;
}

static bool find_group(const char *wanted, gid_t *gid)
{
    char *text = read_file("/etc/group"), *rest = text, *line, *field[3];
    bool found = false;
    while (!found && (line = strsep(&rest, "\n")) != NULL) {
        uint32_t id;
        split_fields(line, field, 3);
        if (!parse_id(field[2], &id) || !is_called(wanted, field[0], id)) continue;
        *gid = id;
        found = true;
    }
    free(text);
    return found;
}

static bool is_member(char *members, const char *name)
{
    for (char *member; (member = strsep(&members, ",")) != NULL;)
        if (strcmp(member, name) == 0) return true;
    return false;
}

static void find_supplementary_groups(struct identity *identity)
{
    char *text = read_file("/etc/group"), *rest = text, *line, *field[4];
    while (identity->group_count < GROUPS_MAX && (line = strsep(&rest, "\n")) != NULL) {
        uint32_t id;
        split_fields(line, field, 4);
        if (*field[3] == '\0' || !parse_id(field[2], &id) || !is_member(field[3], identity->name)) continue;
        identity->groups[identity->group_count++] = id;
    }
    free(text);
}

/*
 * The rules of the container runtimes that images are written for: a uid nobody listed has group 0, and a group that
 * was asked for replaces all others.
 */
static void resolve_identity(const char *user, struct identity *identity, int report)
{
    char wanted[512];
    snprintf(wanted, sizeof wanted, "%s", user);
    char *group = strchr(wanted, ':');
    if (group != NULL) *group++ = '\0';

    *identity = (struct identity){.home = "/"};
    const char *name = *wanted == '\0' ? "0" : wanted;
    bool known = find_user(name, identity) || parse_id(name, &identity->uid) || strcmp(name, "root") == 0;
    if (!known) give_up(report, ENOENT, "there is no user '%s' in /etc/passwd of the image", name);
    if (group == NULL || *group == '\0') {
        if (*identity->name != '\0') find_supplementary_groups(identity);
    } else if (!find_group(group, &identity->gid) && !parse_id(group, &identity->gid)) {
        give_up(report, ENOENT, "there is no group '%s' in /etc/group of the image", group);
    }
}

/* A folder made here belongs to the process: nobody else can be meant to write there. */
static bool enter_cwd(const char *cwd, const struct identity *identity)
{
    bool made;
    if (!make_folders(cwd, 0755, &made) || chdir(cwd) != 0) return false;
    if (made && geteuid() == 0) return chown(".", identity->uid, identity->gid) == 0;
    return true;
}

/* Whether there is nothing in a folder but what a new file system brings along. */
static bool is_new(int folder)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    if (entries == NULL) return false;
    bool empty = true;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, "lost+found") != 0)
            empty = false;
    closedir(entries);
    return empty;
}

/* A new volume belongs to root, so a process that is another user could not write there. One with content is left as it is. */
static void hand_over_volumes(const struct list *volumes, const struct identity *identity)
{
    if (identity->uid == 0 || geteuid() != 0) return;
    for (size_t i = 0; i < volumes->count; i++) {
        int folder = open(volumes->item[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0) continue; /* the process will say so better */
        struct stat status;
        if (fstat(folder, &status) == 0 && status.st_uid == 0 && is_new(folder) &&
            fchown(folder, identity->uid, identity->gid) != 0)
            complain("cannot give the volume at %s to uid %u: %s", volumes->item[i], identity->uid, strerror(errno));
        close(folder);
    }
}

static bool is_user(const struct identity *identity)
{
    return identity->uid == geteuid() && identity->gid == getegid();
}

/* Groups first: after setuid() nothing of this is allowed any more. */
static void become_user(const struct identity *identity, int report)
{
    bool same = is_user(identity);
    if (same && geteuid() != 0) return;
    bool grouped = setgroups(identity->group_count, identity->groups) == 0 || same;
    if (!grouped || setgid(identity->gid) != 0 || setuid(identity->uid) != 0)
        give_up(report, errno, "cannot become uid %u, gid %u: %s", identity->uid, identity->gid, strerror(errno));
}

static void assume_identity(const struct identity *identity, int report)
{
    /* The pipes are ours; without this /dev/stdout, which opens them anew, would be closed to the process. */
    if (!is_user(identity) && (fchown(STDOUT_FILENO, identity->uid, identity->gid) != 0 ||
                  fchown(STDERR_FILENO, identity->uid, identity->gid) != 0))
        give_up(report, errno, "cannot hand stdout to uid %u: %s", identity->uid, strerror(errno));
    become_user(identity, report);
}

/* The value of the last variable of that name (which may go on behind `length`), or NULL. */
static const char *variable(const struct list *environment, const char *name, size_t length)
{
    for (size_t i = environment->count; i-- > 0;) {
        const char *item = environment->item[i];
        if (strncmp(item, name, length) == 0 && item[length] == '=') return item + length + 1;
    }
    return NULL;
}

/* Of a variable given twice the last one counts; programs do not agree on which they take. */
static struct list complete_environment(const struct list *given, const char *home)
{
    static char home_variable[PATH_MAX + sizeof "HOME="];
    static char path_variable[] = "PATH=" DEFAULT_PATH;
    struct list environment = {0};
    for (size_t i = 0; i < given->count; i++) {
        char *item = given->item[i];
        struct list later = {given->item + i + 1, given->count - i - 1};
        if (variable(&later, item, strcspn(item, "=")) == NULL) list_add(&environment, item);
    }
    if (variable(given, "PATH", 4) == NULL) list_add(&environment, path_variable);
    if (variable(given, "HOME", 4) == NULL) {
        snprintf(home_variable, sizeof home_variable, "HOME=%s", home);
        list_add(&environment, home_variable);
    }
    return environment;
}

/* Why nothing was executed; a file that is there is a better reason than all the places where it is not. */
struct refusal {
    int error;
    bool there;
};

static void try_to_execute(const char *program, char **arguments, char **environment, struct refusal *refusal)
{
    execve(program, arguments, environment);
    int error = errno;
    if (refusal->there || access(program, F_OK) != 0) return;
    *refusal = (struct refusal){.error = error, .there = true};
}

static void try_path(const char *path, char **arguments, char **environment, struct refusal *refusal)
{
    for (const char *folder = path, *end; folder != NULL; folder = *end == '\0' ? NULL : end + 1) {
        char program[PATH_MAX];
        end = strchrnul(folder, ':');
        const char *slash = end == folder ? "" : "/"; /* an empty entry is the working directory */
        int length = snprintf(program, sizeof program, "%.*s%s%s", (int)(end - folder), folder, slash, arguments[0]);
        if (length < (int)sizeof program) try_to_execute(program, arguments, environment, refusal);
    }
}

/* The kernel's own words mislead where images go wrong most often. */
static const char *explain(const struct refusal *refusal)
{
    if (refusal->there && refusal->error == ENOENT) return "it is there, but the interpreter or loader it needs is not";
    if (refusal->error == ENOEXEC) return "it is made for another processor, or a script without #!";
    return strerror(refusal->error);
}

static _Noreturn void execute(const struct list *words, const struct list *given, const struct identity *identity,
                              int report)
{
    struct list environment = complete_environment(given, identity->home);
    char **arguments = words->item;
    struct refusal refusal = {.error = ENOENT};
    if (strchr(arguments[0], '/') != NULL) {
        try_to_execute(arguments[0], arguments, environment.item, &refusal);
        give_up(report, refusal.error, "cannot run %s: %s", arguments[0], explain(&refusal));
    }
    const char *path = variable(&environment, "PATH", 4);
    if (*arguments[0] != '\0') try_path(path, arguments, environment.item, &refusal);
    give_up(report, refusal.error, "cannot run '%s': %s (searched in %s)", arguments[0], explain(&refusal), path);
}

/* /dev/null, or where a guest has none, a pipe that nobody writes. */
static int open_nothing(void)
{
    int ends[2];
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (file >= 0 || pipe2(ends, O_CLOEXEC) != 0) return file;
    close(ends[1]);
    return ends[0];
}

static void close_from(int first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
#endif
    for (int file = first; file < 1024; file++) close(file);
}

/* With process 1 the kernel ends everything; elsewhere a process must not outlive a supervisor that was killed. */
static void end_with(pid_t supervisor)
{
    if (supervisor == 1) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) _exit(EXIT_FAILURE); /* it was killed before we asked */
}

static _Noreturn void become_process(const struct config *config, pid_t supervisor, int output, int errors, int report)
{
    static struct identity identity;
    setsid();
    reset_signals();
    int nothing = open_nothing();
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0)
        give_up(report, errno, "cannot connect stdin, stdout and stderr: %s", strerror(errno));
    resolve_identity(config->user, &identity, report);
    hand_over_volumes(&config->volumes, &identity);
    bool entered = enter_cwd(config->cwd, &identity);
    assume_identity(&identity, report);
    /* A folder on a network may be open to its owner and closed to root. */
    if (!entered && chdir(config->cwd) != 0)
        give_up(report, errno, "cannot enter the working directory %s: %s", config->cwd, strerror(errno));
    end_with(supervisor); /* only now: changing the user makes the kernel forget it */
    execute(&config->arguments, &config->environment, &identity, report);
}

/* -------------------------------------------------------------------------------------------------------- streams */

/* One pipe from the process, or from what an earlier process left running. */
struct stream {
    int file; /* 0: unused */
    char letter;
    char line[LINE_LIMIT];
    size_t length;
};
static struct stream streams[STREAMS_MAX];

static void stream_flush(struct stream *stream)
{
    if (stream->length > 0) log_frame(stream->letter, stream->line, stream->length);
    stream->length = 0;
}

static void stream_close(struct stream *stream)
{
    stream_flush(stream);
    close(stream->file);
    stream->file = 0;
}

/* A line of exactly the limit is one frame: "more follows" is said only when more is there. */
static void stream_add(struct stream *stream, const char *bytes, size_t size)
{
    while (size > 0) {
        if (stream->length == LINE_LIMIT && *bytes != '\n') {
            log_frame((char)(stream->letter - 'a' + 'A'), stream->line, stream->length);
            stream->length = 0;
        }
        size_t room = smaller(size, LINE_LIMIT - stream->length);
        const char *newline = memchr(bytes, '\n', room == 0 ? 1 : room);
        size_t taken = newline != NULL ? (size_t)(newline - bytes) : room;
        memcpy(stream->line + stream->length, bytes, taken);
        stream->length += taken;
        if (newline != NULL) {
            log_frame(stream->letter, stream->line, stream->length);
            stream->length = 0;
            taken++;
        }
        bytes += taken;
        size -= taken;
    }
}

/* How much came; 0 when there is nothing now, or nothing any more. */
static size_t stream_read(struct stream *stream)
{
    static char bytes[CHUNK];
    ssize_t got = read(stream->file, bytes, sizeof bytes);
    if (got > 0) stream_add(stream, bytes, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR)) stream_close(stream);
    return got > 0 ? (size_t)got : 0;
}

/* Takes what is in the pipes now, and no more: something the process left behind may go on writing for ever. */
static void streams_drain(void)
{
    for (struct stream *stream = streams; stream < streams + STREAMS_MAX; stream++) {
        int waiting = 0;
        if (stream->file == 0 || ioctl(stream->file, FIONREAD, &waiting) != 0) continue;
        for (size_t got; waiting > 0 && stream->file != 0 && (got = stream_read(stream)) > 0;) waiting -= (int)got;
        if (stream->file != 0) stream_flush(stream);
    }
    log_flush();
}

/* Opens a pipe to read for ever; returns the end to write, or -1. */
static int stream_open(char letter)
{
    int ends[2];
    struct stream *stream = NULL;
    for (struct stream *each = streams; stream == NULL && each < streams + STREAMS_MAX; each++)
        if (each->file == 0) stream = each;
    if (stream == NULL) { /* whatever still holds the oldest one is told by SIGPIPE */
        stream_close(&streams[0]);
        memmove(streams, streams + 1, (STREAMS_MAX - 1) * sizeof *streams);
        stream = &streams[STREAMS_MAX - 1];
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        stream->file = 0;
        return -1;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    stream->file = ends[0];
    stream->letter = letter;
    stream->length = 0;
    return ends[1];
}

/* ------------------------------------------------------------------------------------------------------------ life */

static struct {
    const struct config *config;
    bool first; /* we are process 1 */
    bool over;
    pid_t supervisor;
    pid_t child; /* 0: none */
    int attempt;
    int failures; /* in a row, for the back-off */
    int64_t booted_at, started_at, start_at, ready_at, kill_at;
} life;

/* A line of /proc/net/tcp: " 0: 0100007F:1F90 00000000:0000 0A ...", which is number, local, remote, state, all hex. */
static bool line_shows_listener(const char *line, uint16_t port)
{
    char *at = strchr(line, ':');
    at = at == NULL ? NULL : strchr(at + 1, ':');
    if (at == NULL || strtoul(at + 1, &at, 16) != port) return false;
    at = strchr(at, ':');
    if (at == NULL) return false;
    strtoul(at + 1, &at, 16);
    return strtoul(at, NULL, 16) == TCP_LISTEN;
}

/* The kernel's table of sockets says so; connecting instead would show up in the process's own log. */
static bool table_shows_listener(const char *path, uint16_t port)
{
    char line[512];
    bool found = false;
    FILE *table = fopen(path, "re");
    if (table == NULL) return false;
    while (!found && fgets(line, sizeof line, table) != NULL) found = line_shows_listener(line, port);
    fclose(table);
    return found;
}

static bool port_is_open(uint16_t port)
{
    return table_shows_listener("/proc/net/tcp", port) || table_shows_listener("/proc/net/tcp6", port);
}

static void look_whether_ready(int64_t now)
{
    uint16_t port = life.config->ready_port;
    if (port_is_open(port)) {
        state = LISTENING;
        log_event("event=listening port=%d", port);
        return;
    }
    life.ready_at = now + (now - life.started_at < READY_EAGER_MS ? READY_EAGER_POLL_MS : READY_LAZY_POLL_MS);
}

static bool should_restart(int code)
{
    switch (life.config->restart) {
    case RESTART_ALWAYS: return true;
    case RESTART_ON_FAILURE: return code != 0;
    case RESTART_NEVER: return false;
    }
    return false;
}

/* The process is no more, or never was: decides what comes next. */
static void after_process(int code, int64_t uptime_ms)
{
    life.child = 0;
    if (state == STOPPING) {
        life.over = true;
        return;
    }
    if (!should_restart(code)) {
        state = FINISHED;
        log_event("event=finished code=%d", code);
        return;
    }
    if (uptime_ms >= GOOD_RUN_MS) life.failures = 0;
    int delay = life.failures < 6 ? BACKOFF_FIRST_MS << life.failures : BACKOFF_LAST_MS;
    life.failures++;
    life.start_at = monotonic_ms() + delay;
    state = BACKOFF;
    log_event("event=backoff delay_ms=%d", delay);
}

/* Waits until the child became the process (0) or gave up; then its reason is in `message`. */
static int await_exec(int report, char *message, size_t size)
{
    int error = 0;
    size_t length = 0;
    char bytes[sizeof error + 512];
    for (ssize_t got; (got = read(report, bytes + length, sizeof bytes - length)) != 0;) {
        if (got < 0 && errno != EINTR) break;
        if (got > 0) length += (size_t)got;
    }
    if (length < sizeof error) return 0;
    memcpy(&error, bytes, sizeof error);
    snprintf(message, size, "%.*s", (int)(length - sizeof error), bytes + sizeof error);
    for (char *at = message; *at != '\0'; at++)
        if ((unsigned char)*at < ' ') *at = '?'; /* names may hold anything; an event is one line for people */
    return error;
}

/* Forks and executes. Returns 0, or the error with its reason in `message`. */
static int launch(char *message, size_t size)
{
    int report[2] = {-1, -1}, error = 0;
    int output = stream_open('o'), errors = stream_open('e');
    pid_t supervisor = getpid(), child = -1;
    if (output >= 0 && errors >= 0 && pipe2(report, O_CLOEXEC) == 0) child = fork();
    if (child == 0) become_process(life.config, supervisor, output, errors, report[1]);
    if (child < 0) {
        error = errno;
        snprintf(message, size, "cannot make a process: %s", strerror(error));
    }
    /* Our copies must go: the end of a pipe is seen only when nobody can write it any more. */
    if (output >= 0) close(output);
    if (errors >= 0) close(errors);
    if (report[1] >= 0) close(report[1]);
    if (child > 0) {
        error = await_exec(report[0], message, size);
        if (error != 0) waitpid(child, NULL, 0);
        else life.child = child;
    }
    if (report[0] >= 0) close(report[0]);
    return error;
}

static void start_process(void)
{
    char message[512];
    life.attempt++;
    state = STARTING;
    int error = launch(message, sizeof message);
    if (error != 0) {
        log_event("event=exec-failed errno=%d message=%s", error, message);
        after_process(error == ENOENT ? 127 : 126, 0);
        return;
    }
    state = RUNNING;
    life.started_at = life.ready_at = monotonic_ms();
    log_event("event=start pid=%d attempt=%d", life.child, life.attempt);
}

#include "runs.c"
#include "usage.c"

/* The child is still a zombie here: only that keeps its process group from being somebody else's by now. */
static void process_ended(const siginfo_t *end)
{
    int64_t uptime_ms = monotonic_ms() - life.started_at;
    bool by_signal = end->si_code != CLD_EXITED;
    kill(-life.child, SIGKILL);
    waitpid(life.child, NULL, 0);
    streams_drain();
    char how[32];
    if (by_signal) snprintf(how, sizeof how, "signal=%s", signal_name(end->si_status));
    else snprintf(how, sizeof how, "code=%d", end->si_status);
    log_event("event=exit %s pid=%d uptime_ms=%" PRId64, how, life.child, uptime_ms);
    after_process(by_signal ? 128 + end->si_status : end->si_status, uptime_ms);
}

static void reap(void)
{
    for (;;) {
        siginfo_t end = {0};
        if (waitid(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == 0) return;
        if (end.si_pid == life.child) process_ended(&end);
        else if (!run_ended(end.si_pid)) waitpid(end.si_pid, NULL, 0);
    }
}

static void stop(void)
{
    if (state == STOPPING) return;
    state = STOPPING;
    log_event("event=stopping signal=%s", signal_name(life.config->stop_signal));
    stop_runs();
    if (life.child == 0) {
        life.over = true;
        return;
    }
    kill(life.child, life.config->stop_signal);
    life.kill_at = monotonic_ms() + life.config->stop_timeout_ms;
}

static void handle_signals(int signals)
{
    struct signalfd_siginfo received;
    while (read(signals, &received, sizeof received) == sizeof received) {
        int number = (int)received.ssi_signo;
        if (number == SIGCHLD) reap();
        else if (number == SIGTERM || number == SIGPWR || number == SIGNAL_HALT) stop();
        else if (life.child > 0) kill(life.child, number);
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool wants_ready(void)
{
    return state == RUNNING && life.config->ready_port != 0;
}

/* The moment at which run_timers() next has something to do. */
static int64_t next_timer(void)
{
    int64_t next = INT64_MAX;
    if (state == BACKOFF) next = earlier(next, life.start_at);
    if (state == STOPPING) next = earlier(next, life.kill_at);
    if (wants_ready()) next = earlier(next, life.ready_at);
    if (logs.dropped > 0) next = earlier(next, logs.retry_at);
    if (server.secret != NULL && server.listener < 0) next = earlier(next, server.listen_at);
    for (const struct client *client = server.client; client < server.client + CLIENTS_MAX; client++)
        if (client_has_deadline(client)) next = earlier(next, client->deadline);
    return next;
}

static void run_timers(int64_t now)
{
    if (state == BACKOFF && now >= life.start_at) start_process();
    if (state == STOPPING && life.child > 0 && now >= life.kill_at) {
        kill(-life.child, SIGKILL);
        life.kill_at = INT64_MAX;
    }
    if (wants_ready() && now >= life.ready_at) look_whether_ready(now);
    if (logs.dropped > 0 && now >= logs.retry_at && !confess_dropped()) logs.retry_at = now + RETRY_MS;
    if (server.secret != NULL && server.listener < 0 && now >= server.listen_at) server_listen();
    for (struct client *client = server.client; client < server.client + CLIENTS_MAX; client++)
        if (client_has_deadline(client) && now >= client->deadline) client_overdue(client);
}

/* One round: waits for something to happen, and deals with all of it. */
static void live_on(int signals)
{
    enum { SIGNALS, LISTENER, STREAMS, CLIENTS = STREAMS + STREAMS_MAX, ALL = CLIENTS + CLIENTS_MAX };
    struct pollfd watched[ALL];
    watched[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
    watched[LISTENER] = (struct pollfd){.fd = server.listener, .events = POLLIN};
    for (int i = 0; i < STREAMS_MAX; i++) {
        int file = streams[i].file;
        watched[STREAMS + i] = (struct pollfd){.fd = file == 0 ? -1 : file, .events = POLLIN};
    }
    for (int i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &server.client[i];
        bool there = client->phase != NOBODY && client->phase != HANDED_OVER;
        watched[CLIENTS + i] = (struct pollfd){.fd = there ? client->socket : -1, .events = client_interest(client)};
    }

    int64_t now = monotonic_ms(), next = next_timer();
    int64_t wait = next == INT64_MAX ? -1 : next <= now ? 0 : earlier(next - now, INT_MAX);
    if (poll(watched, ALL, (int)wait) < 0) return;

    for (int i = 0; i < STREAMS_MAX; i++)
        if (watched[STREAMS + i].revents != 0) stream_read(&streams[i]);
    log_flush();
    if (watched[SIGNALS].revents != 0) handle_signals(signals);
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (watched[CLIENTS + i].revents != 0) client_serve(&server.client[i], watched[CLIENTS + i].revents);
    if (watched[LISTENER].revents != 0) server_accept();
    run_timers(monotonic_ms());
}

/* -1 when there is no such process. */
static pid_t parent_of(pid_t pid)
{
    char line[512], path[32];
    pid_t parent = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) return -1;
    /* "PID (NAME) STATE PARENT ...", where the name may hold anything. */
    char *name_end = fgets(line, sizeof line, file) == NULL ? NULL : strrchr(line, ')');
    if (name_end != NULL && strlen(name_end) > 4) parent = (pid_t)strtol(name_end + 4, NULL, 10);
    fclose(file);
    return parent;
}

/* Without a process number 1 to end them with one call, our children are looked up; theirs become ours. */
static void kill_children(void)
{
    DIR *processes = opendir("/proc");
    if (processes == NULL) return;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        uint64_t pid;
        if (!parse_number(entry->d_name, INT32_MAX, &pid) || parent_of((pid_t)pid) != getpid()) continue;
        kill((pid_t)pid, SIGKILL);
    }
    closedir(processes);
}

/* Kills everything in the guest and waits for its end; what hangs in the kernel is not waited for. */
static void kill_the_rest(void)
{
    int64_t deadline = monotonic_ms() + KILL_PATIENCE_MS;
    while (monotonic_ms() < deadline) {
        pid_t reaped;
        if (life.first) kill(-1, SIGKILL);
        else kill_children();
        while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0) continue;
        if (reaped < 0 && errno == ECHILD) return;
        poll(NULL, 0, 2);
    }
}

/* ------------------------------------------------------------------------------------------------------------ main */

/* Our own files must not be taken for stdin, stdout or stderr, and nothing somebody left open is the process's. */
static void settle_files(void)
{
    int file;
    while ((file = open_nothing()) >= 0 && file <= STDERR_FILENO) continue;
    if (file > STDERR_FILENO) close(file);
    close_from(STDERR_FILENO + 1);
}

static int open_signals(void)
{
    sigset_t handled;
    reset_signals();
    signal(SIGPIPE, SIG_IGN);
    handled_signals(&handled);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    return signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
}

#include "tree.c"

static void hold_process(void)
{
    state = HELD;
    log_event("event=held");
}

int main(int count, char **word)
{
    static struct config config;
    if (count > 1) return run_word(count, word);
    prctl(PR_SET_DUMPABLE, 0); /* closes /proc/1/environ and /proc/1/mem to the guest's users */
    umask(022);
    settle_files();
    const char *problem = config_take(&config);
    if (problem != NULL) {
        complain("CONTAINR_CONFIG cannot be used: %s; let the controller that made this guest set it again", problem);
        return EXIT_UNCONFIGURED;
    }
    life.config = &config;
    life.supervisor = getpid();
    life.booted_at = monotonic_ms();
    life.first = life.supervisor == 1;
    int signals = open_signals();
    if (life.first) prepare_guest(&config);
    else prctl(PR_SET_CHILD_SUBREAPER, 1);

    /* Elsewhere than in a guest, as in tests, nothing is written to a place that was not named. */
    const char *folder = life.first ? LOG_FOLDER : getenv("CONTAINR_LOG_DIR");
    log_open(folder, config.log_limit);
    runs_open(folder, &config);
    log_event("event=boot version=%d", VERSION);
    server_open(&config);
    if (config.hold) hold_process();
    else start_process();
    while (!life.over) live_on(signals);

    kill_the_rest();
    streams_drain();
    log_close();
    server_farewell();
    return EXIT_SUCCESS;
}
