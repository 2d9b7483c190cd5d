/*
 * Runs of the commands that the configuration names, asked for by name. Part of init.c, which includes it.
 *
 * Each run has a keeper: a child of the supervisor, and the parent of the program. It carries the bytes between program,
 * file and client, counts and hashes them, and tells the supervisor how it ended. So the supervisor never waits for a
 * disk that a dump is written to, and a run that goes wrong takes no more than its keeper with it. The keeper is the
 * user of the program before it touches any file: a link that the user put in the way leads nowhere that the user could not go.
 */

enum {
    RUNS_MAX = 32,
    RUNS_AT_ONCE = 8,
    RUN_ID_MAX = 64,
    RUN_NAME_MAX = 63,
    TAIL_LIMIT = 4 * 1024,
    CODE_LOST = 256,   /* no process ends with these two */
    CODE_UNKEPT = 257,
    SLOT_SIZE = 8 * 1024, /* of the file: a line for the start, then one for the end with the tail behind it */
    SLOT_END = 512,
    CHUNK_HEADER = 16,
    RUN_LINGER_MS = 10000,
};

struct result {
    int32_t code;
    uint32_t tail_size;
    uint64_t size;
    uint8_t digest[SHA256_SIZE];
    char tail[TAIL_LIMIT];
};

struct run {
    uint64_t number; /* counts up over all lives of the guest; 0: unused */
    char id[RUN_ID_MAX + 1], name[RUN_NAME_MAX + 1];
    pid_t keeper; /* 0: ended */
    int report;   /* where the keeper says how it ended */
    const char *output;
    struct result result;
};

static struct {
    int file; /* -1: remembered only for as long as the supervisor lives */
    uint64_t number;
    struct run run[RUNS_MAX];
} runs;

/* --------------------------------------------------------------------------------- what outlives a supervisor */

static void check_text(const char *text, size_t size, const char *more, size_t more_size, char hex[2 * SHA256_SIZE + 1])
{
    struct sha256 sha;
    uint8_t digest[SHA256_SIZE];
    sha256_start(&sha);
    sha256_add(&sha, text, size);
    sha256_add(&sha, more, more_size);
    sha256_end(&sha, digest);
    hex_encode(digest, sizeof digest, hex);
}

/* True when it is on the disk. */
static bool write_slot(const struct run *run, const char *bytes, size_t size, off_t at)
{
    off_t slot = (off_t)(run - runs.run) * SLOT_SIZE;
    if (runs.file < 0) return true;
    return pwrite(runs.file, bytes, size, slot + at) == (ssize_t)size && fdatasync(runs.file) == 0;
}

/* Written before anything is begun, and with it all that an earlier run left in the slot goes. */
static bool record_start(const struct run *run)
{
    static char slot[SLOT_SIZE];
    char check[2 * SHA256_SIZE + 1];
    memset(slot, 0, sizeof slot);
    int length = snprintf(slot, SLOT_END, "run %" PRIu64 " %s %s", run->number, run->id, run->name);
    check_text(slot, (size_t)length, "", 0, check);
    snprintf(slot + length, (size_t)(SLOT_END - length), " %s\n", check);
    return write_slot(run, slot, sizeof slot, 0);
}

static void record_end(const struct run *run)
{
    static char slot[SLOT_SIZE - SLOT_END];
    const struct result *result = &run->result;
    char check[2 * SHA256_SIZE + 1], digest[2 * SHA256_SIZE + 1];
    memset(slot, 0, sizeof slot);
    hex_encode(result->digest, sizeof result->digest, digest);
    int length = snprintf(slot, SLOT_END, "end %s %d %" PRIu64 " %s %u", run->id, result->code, result->size, digest,
                          result->tail_size);
    check_text(slot, (size_t)length, result->tail, result->tail_size, check);
    length += snprintf(slot + length, (size_t)(SLOT_END - length), " %s\n", check);
    memcpy(slot + length, result->tail, result->tail_size);
    if (!write_slot(run, slot, sizeof slot, SLOT_END))
        complain("cannot record how the run %s ended: %s", run->id, strerror(errno));
}

/* Cuts a line into words; false when there are not as many. `line` is cut at its newline. */
static bool split_words(char *line, char *word[], size_t count)
{
    char *rest = line;
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < count; i++)
        if ((word[i] = strsep(&rest, " ")) == NULL) return false;
    return rest == NULL;
}

static bool parse_digest(const char *hex, uint8_t digest[SHA256_SIZE])
{
    if (strlen(hex) != 2 * SHA256_SIZE) return false;
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_run_id(const char *text)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length <= RUN_ID_MAX && text[length] == '\0';
}

/* False when the supervisor died in the middle of writing it: then the run was never begun. */
static bool recover_start(struct run *run, char *slot)
{
    char *word[5], check[2 * SHA256_SIZE + 1];
    slot[SLOT_END - 1] = '\0';
    char *last = strrchr(slot, ' ');
    if (last == NULL) return false;
    check_text(slot, (size_t)(last - slot), "", 0, check);
    if (!split_words(slot, word, 5) || strcmp(word[0], "run") != 0 || strcmp(word[4], check) != 0) return false;
    if (!parse_number(word[1], UINT64_MAX - 1, &run->number) || run->number == 0) return false;
    if (!is_run_id(word[2]) || strlen(word[3]) > RUN_NAME_MAX) return false;
    memcpy(run->id, word[2], strlen(word[2]) + 1);
    memcpy(run->name, word[3], strlen(word[3]) + 1);
    return true;
}

/* False when the run did not end, or when that was not written whole. */
static bool recover_end(struct run *run, char *slot)
{
    enum { WORDS = 7, ROOM = SLOT_SIZE - SLOT_END };
    struct result *result = &run->result;
    char *word[WORDS], check[2 * SHA256_SIZE + 1], *newline = memchr(slot, '\n', SLOT_END);
    uint64_t code, tail;
    if (newline == NULL) return false;
    const char *behind = newline + 1;
    *newline = '\0';
    char *last = strrchr(slot, ' ');
    if (last == NULL) return false;
    size_t checked = (size_t)(last - slot);
    char line[SLOT_END];
    memcpy(line, slot, checked);
    if (!split_words(slot, word, WORDS) || strcmp(word[0], "end") != 0 || strcmp(word[1], run->id) != 0) return false;
    if (!parse_number(word[2], INT32_MAX, &code) || !parse_number(word[3], INT64_MAX, &result->size)) return false;
    if (!parse_digest(word[4], result->digest) || !parse_number(word[5], TAIL_LIMIT, &tail)) return false;
    if ((size_t)(behind - slot) + tail > ROOM) return false;
    check_text(line, checked, behind, (size_t)tail, check);
    if (strcmp(word[6], check) != 0) return false;
    result->code = (int32_t)code;
    result->tail_size = (uint32_t)tail;
    memcpy(result->tail, behind, tail);
    return true;
}

__attribute__((format(printf, 3, 4))) static void set_result(struct result *result, int code, const char *format, ...)
{
    va_list arguments;
    struct sha256 nothing;
    *result = (struct result){.code = code};
    sha256_start(&nothing);
    sha256_end(&nothing, result->digest);
    va_start(arguments, format);
    int length = vsnprintf(result->tail, sizeof result->tail, format, arguments);
    va_end(arguments);
    result->tail_size = (uint32_t)smaller((size_t)length, sizeof result->tail - 1);
}

static void recover_runs(void)
{
    static char slot[SLOT_SIZE];
    for (struct run *run = runs.run; run < runs.run + RUNS_MAX; run++) {
        if (pread(runs.file, slot, sizeof slot, (off_t)(run - runs.run) * SLOT_SIZE) != sizeof slot) return;
        if (!recover_start(run, slot)) {
            *run = (struct run){0};
            continue;
        }
        if (run->number > runs.number) runs.number = run->number;
        if (recover_end(run, slot + SLOT_END)) continue;
        set_result(&run->result, CODE_LOST, "the guest was restarted while this ran; how it ended is not known");
    }
}

/* All of its room is taken at once, so that a disk that fills up later keeps no run from being recorded. */
static bool fill_file(int file)
{
    static const char zeros[SLOT_SIZE];
    for (int i = 0; i < RUNS_MAX; i++)
        if (pwrite(file, zeros, sizeof zeros, (off_t)i * SLOT_SIZE) != sizeof zeros) return false;
    return fdatasync(file) == 0;
}

/* Finds what earlier lives of this guest ran. */
static void runs_open(const char *folder, const struct config *config)
{
    char path[PATH_MAX];
    struct stat status;
    runs.file = -1;
    if (folder == NULL || config->program_count == 0) return;
    snprintf(path, sizeof path, "%s/runs", folder);
    int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    bool good = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    bool whole = good && status.st_size >= (off_t)RUNS_MAX * SLOT_SIZE;
    if (!good || (!whole && !fill_file(file))) {
        complain("cannot keep what is run in %s (%s); a restart of the guest forgets it", path, strerror(errno));
        if (good) ftruncate(file, 0);
        if (file >= 0) close(file);
        return;
    }
    runs.file = file;
    if (whole) recover_runs();
}

/* ------------------------------------------------------------------------------------------------------ the keeper */

/* Everything a keeper knows. Its own process, its own copy: nothing of it is the supervisor's. */
static struct {
    enum kind kind;
    const struct program *program;
    int report, socket, signals, output; /* -1: none */
    int from_stdout, from_stderr, to_stdin;
    char part[PATH_MAX]; /* the name of the output until it is whole */
    pid_t child;
    bool over;
    int code;
    struct sha256 sha;
    struct result result;
    uint64_t tail_total;
    char tail[TAIL_LIMIT];       /* a ring */
    char bytes[CHUNK];           /* on their way to the client, or from it */
    size_t size, sent;
    char header[CHUNK_HEADER];   /* of a chunk from the client */
    size_t header_size, chunk_left;
    bool ended;                  /* all that is to be sent was taken in */
} keeper;

static _Noreturn void report_result(void)
{
    write_all(keeper.report, (const char *)&keeper.result, sizeof keeper.result);
    _exit(EXIT_SUCCESS);
}

__attribute__((format(printf, 1, 2))) static _Noreturn void not_kept(const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (keeper.child > 0 && !keeper.over) {
        kill(-keeper.child, SIGKILL);
        waitpid(keeper.child, NULL, 0);
    }
    if (keeper.output >= 0) unlink(keeper.part);
    set_result(&keeper.result, CODE_UNKEPT, "%s", why);
    report_result();
}

static void keep_tail(const char *bytes, size_t size)
{
    for (size_t i = size > TAIL_LIMIT ? size - TAIL_LIMIT : 0; i < size; i++)
        keeper.tail[keeper.tail_total++ % TAIL_LIMIT] = bytes[i];
}

static void finish_result(void)
{
    struct result *result = &keeper.result;
    size_t size = keeper.tail_total < TAIL_LIMIT ? (size_t)keeper.tail_total : TAIL_LIMIT;
    for (size_t i = 0; i < size; i++) result->tail[i] = keeper.tail[(keeper.tail_total - size + i) % TAIL_LIMIT];
    result->tail_size = (uint32_t)size;
    result->code = keeper.code;
    sha256_end(&keeper.sha, result->digest);
}

/* Of a path as it is written: "" for a file in the working directory. */
static void folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, PATH_MAX, "%.*s", slash == NULL ? 0 : (int)(slash - path), path);
}

static void open_output(void)
{
    char folder[PATH_MAX];
    bool made;
    const char *path = keeper.program->output;
    if (path == NULL || keeper.kind == TO_CLIENT) return;
    if (snprintf(keeper.part, sizeof keeper.part, "%s.part", path) >= (int)sizeof keeper.part)
        not_kept("the name of the output is too long");
    folder_of(path, folder);
    if (*folder != '\0' && !make_folders(folder, 0700, &made))
        not_kept("cannot make the folder %s: %s", folder, strerror(errno));
    unlink(keeper.part);
    keeper.output = open(keeper.part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (keeper.output < 0) not_kept("cannot make %s: %s", keeper.part, strerror(errno));
}

/* The file is there whole, also after a crash of the machine, or not at all. */
static void settle_output(void)
{
    char folder[PATH_MAX];
    const char *path = keeper.program->output;
    if (keeper.output < 0) return;
    if (keeper.code != 0) {
        unlink(keeper.part);
        return;
    }
    if (fsync(keeper.output) != 0 || close(keeper.output) != 0 || rename(keeper.part, path) != 0)
        not_kept("cannot write %s: %s", path, strerror(errno));
    folder_of(path, folder);
    int holder = open(*folder == '\0' ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (holder < 0) return;
    fsync(holder);
    close(holder);
}

static void kill_program(void)
{
    if (keeper.child > 0 && !keeper.over) kill(-keeper.child, SIGKILL);
}

static void close_file(int *file)
{
    if (*file >= 0) close(*file);
    *file = -1;
}

/* The client is gone, or makes no sense: what it asked for shall not be done by half. */
static void lose_client(void)
{
    close_file(&keeper.socket);
    if (keeper.kind == TO_CLIENT || !keeper.ended) kill_program();
    keeper.size = keeper.sent = 0;
    keeper.ended = true;
    if (keeper.kind == TO_CLIENT) close_file(&keeper.from_stdout);
}

/* stdout, which may be a dump of any size. How much came; 0 at the end and when there is nothing now. */
static size_t take_stdout(void)
{
    static char bytes[CHUNK];
    bool streams = keeper.kind == TO_CLIENT;
    char *at = streams ? keeper.bytes + CHUNK_HEADER : bytes;
    ssize_t got = read(keeper.from_stdout, at, streams ? sizeof keeper.bytes - CHUNK_HEADER : sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got <= 0) {
        close_file(&keeper.from_stdout);
        return 0;
    }
    keeper.result.size += (uint64_t)got;
    sha256_add(&keeper.sha, at, (size_t)got);
    if (streams) {
        char header[CHUNK_HEADER + 1];
        int length = snprintf(header, sizeof header, "%zd\n", got);
        memcpy(at - length, header, (size_t)length);
        keeper.sent = (size_t)(CHUNK_HEADER - length);
        keeper.size = CHUNK_HEADER + (size_t)got;
    } else if (keeper.output >= 0) {
        if (!write_all(keeper.output, at, (size_t)got))
            not_kept("cannot write %s: %s", keeper.part, strerror(errno));
    } else {
        keep_tail(at, (size_t)got);
    }
    return (size_t)got;
}

static size_t take_stderr(void)
{
    char bytes[TAIL_LIMIT];
    ssize_t got = read(keeper.from_stderr, bytes, sizeof bytes);
    if (got > 0) keep_tail(bytes, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR)) close_file(&keeper.from_stderr);
    return got > 0 ? (size_t)got : 0;
}

static void send_to_client(void)
{
    ssize_t sent = send(keeper.socket, keeper.bytes + keeper.sent, keeper.size - keeper.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) lose_client();
    else if (sent > 0) keeper.sent += (size_t)sent;
}

/* Takes what the client sends into `bytes`: the content of chunks, without their headers. */
static void receive_from_client(void)
{
    char *at = keeper.chunk_left > 0 ? keeper.bytes : keeper.header + keeper.header_size;
    size_t room = keeper.chunk_left > 0 ? smaller(keeper.chunk_left, sizeof keeper.bytes) : 1;
    ssize_t got = recv(keeper.socket, at, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        lose_client();
    } else if (keeper.chunk_left > 0) {
        keeper.chunk_left -= (size_t)got;
        keeper.size = keeper.to_stdin < 0 ? 0 : (size_t)got; /* a program that reads no more has it thrown away */
        keeper.sent = 0;
    } else if (keeper.header[keeper.header_size] != '\n') {
        if (++keeper.header_size > 8) lose_client();
    } else {
        uint64_t length;
        keeper.header[keeper.header_size] = '\0';
        keeper.header_size = 0;
        if (!parse_number(keeper.header, 99999999, &length)) lose_client();
        else if (length > 0) keeper.chunk_left = (size_t)length;
        else keeper.ended = true;
    }
}

static void feed_program(void)
{
    ssize_t written = write(keeper.to_stdin, keeper.bytes + keeper.sent, keeper.size - keeper.sent);
    if (written > 0) keeper.sent += (size_t)written;
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
        close_file(&keeper.to_stdin);
        keeper.size = keeper.sent = 0;
    }
}

/* Bytes that must go out before others may come in. */
static bool holds_bytes(void)
{
    return keeper.sent < keeper.size;
}

/* What is in the pipes now belongs to the program; what others, which it left running, write from now on does not. */
static void drain_pipes(void)
{
    int left = 0;
    if (keeper.from_stderr >= 0 && ioctl(keeper.from_stderr, FIONREAD, &left) == 0)
        for (size_t got; left > 0 && keeper.from_stderr >= 0 && (got = take_stderr()) > 0;) left -= (int)got;
    close_file(&keeper.from_stderr);
    left = 0;
    if (keeper.from_stdout >= 0) ioctl(keeper.from_stdout, FIONREAD, &left);
    while (left > 0 && keeper.from_stdout >= 0) {
        if (!holds_bytes()) {
            size_t got = take_stdout();
            if (got == 0) break;
            left -= (int)got;
        } else {
            struct pollfd watched = {.fd = keeper.socket, .events = POLLOUT};
            if (poll(&watched, 1, -1) > 0) send_to_client();
        }
    }
    close_file(&keeper.from_stdout);
}

static void program_ended(void)
{
    siginfo_t end = {0};
    if (waitid(P_PID, (id_t)keeper.child, &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid == 0) return;
    kill(-keeper.child, SIGKILL); /* while it is a zombie, the group is its own */
    waitpid(keeper.child, NULL, 0);
    keeper.over = true;
    keeper.code = end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status;
}

static void handle_keeper_signals(void)
{
    struct signalfd_siginfo received;
    while (read(keeper.signals, &received, sizeof received) == sizeof received) {
        if (received.ssi_signo == SIGCHLD) program_ended();
        else kill_program();
    }
}

static void carry_on(void)
{
    enum { SIGNALS, STDOUT, STDERR, STDIN, SOCKET, ALL };
    struct pollfd watched[ALL];
    bool full = holds_bytes();
    bool sends = keeper.kind == TO_CLIENT, receives = keeper.kind == FROM_CLIENT && !keeper.ended;
    for (int i = 0; i < ALL; i++) watched[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    watched[SIGNALS].fd = keeper.signals;
    if (!(sends && full)) watched[STDOUT].fd = keeper.from_stdout;
    watched[STDERR].fd = keeper.from_stderr;
    if (keeper.kind == FROM_CLIENT && full) watched[STDIN] = (struct pollfd){.fd = keeper.to_stdin, .events = POLLOUT};
    if (sends) watched[SOCKET] = (struct pollfd){.fd = keeper.socket, .events = (short)(POLLRDHUP | (full ? POLLOUT : 0))};
    else if (receives) watched[SOCKET] = (struct pollfd){.fd = keeper.socket, .events = (short)(full ? POLLRDHUP : POLLIN)};
    if (poll(watched, ALL, -1) < 0) return;

    if (watched[STDOUT].revents != 0) take_stdout();
    if (watched[STDERR].revents != 0) take_stderr();
    if (watched[STDIN].revents != 0) feed_program();
    if (watched[SOCKET].revents != 0) {
        bool left = sends ? (watched[SOCKET].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0
                          : full && (watched[SOCKET].revents & (POLLHUP | POLLERR)) != 0;
        if (left) lose_client();
        else if (sends) send_to_client();
        else if (!full) receive_from_client();
        else poll(NULL, 0, 10); /* it has sent its last and waits; the program has to take the rest first */
    }
    if (keeper.kind == FROM_CLIENT && keeper.ended && !holds_bytes() && !keeper.over) close_file(&keeper.to_stdin);
    if (watched[SIGNALS].revents != 0) handle_keeper_signals();
}

/* The client is told that no more comes; the line with the result is the supervisor's to say. */
static void end_stream(void)
{
    if (keeper.kind != TO_CLIENT) return;
    while (keeper.socket >= 0) {
        if (!holds_bytes()) {
            if (keeper.ended) return;
            memcpy(keeper.bytes, "0\n", 2);
            keeper.size = 2;
            keeper.sent = 0;
            keeper.ended = true;
        }
        struct pollfd watched = {.fd = keeper.socket, .events = POLLOUT};
        if (poll(&watched, 1, -1) > 0) send_to_client();
    }
}

static void greet_stream(const char *id)
{
    char line[RUN_ID_MAX + 16];
    int length = snprintf(line, sizeof line, "STREAM %s\n", id);
    if (keeper.kind != TO_FILE && send(keeper.socket, line, (size_t)length, MSG_NOSIGNAL) != length) lose_client();
}

/* Only what the keeper needs stays open: a connection of the supervisor must end when the supervisor ends it. */
static void settle_keeper_files(int report, int socket)
{
    enum { REPORT = STDERR_FILENO + 1, SOCKET, OTHERS };
    int high_report = fcntl(report, F_DUPFD_CLOEXEC, OTHERS);
    int high_socket = socket < 0 ? -1 : fcntl(socket, F_DUPFD_CLOEXEC, OTHERS);
    dup3(high_report, REPORT, O_CLOEXEC);
    if (high_socket >= 0) dup3(high_socket, SOCKET, O_CLOEXEC);
    keeper.report = REPORT;
    keeper.socket = high_socket < 0 ? -1 : SOCKET;
    close_from(high_socket < 0 ? SOCKET : OTHERS);
}

static void open_keeper_signals(void)
{
    sigset_t handled;
    reset_signals();
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&handled);
    sigaddset(&handled, SIGCHLD);
    sigaddset(&handled, SIGTERM);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    keeper.signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    if (keeper.signals < 0) not_kept("cannot wait for the program: %s", strerror(errno));
}

static _Noreturn void become_program(const struct config *config, const struct identity *identity, pid_t parent,
                                     const int ends[3], int report)
{
    setsid();
    reset_signals();
    for (int i = 0; i < 3; i++)
        if (dup2(ends[i], i) < 0) give_up(report, errno, "cannot connect stdin, stdout and stderr: %s", strerror(errno));
    end_with(parent);
    execute(&keeper.program->arguments, &config->environment, identity, report);
}

static int open_input(void)
{
    const char *path = keeper.program->input;
    if (path == NULL || keeper.kind == FROM_CLIENT) return open_nothing();
    int file = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (file < 0) not_kept("cannot read its input %s: %s", path, strerror(errno));
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) not_kept("its input %s is no file", path);
    return file;
}

static void start_program(const struct config *config, const struct identity *identity)
{
    char message[512];
    int in[2], out[2], err[2], report[2], error;
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0)
        not_kept("cannot make pipes: %s", strerror(errno));
    in[0] = open_input();
    in[1] = -1;
    if (keeper.kind == FROM_CLIENT && pipe2(in, O_CLOEXEC) != 0) not_kept("cannot make a pipe: %s", strerror(errno));
    int ends[3] = {in[0], out[1], err[1]};
    pid_t parent = getpid(), child = fork();
    if (child < 0) not_kept("cannot make a process: %s", strerror(errno));
    if (child == 0) become_program(config, identity, parent, ends, report[1]);
    for (int i = 0; i < 3; i++) close(ends[i]);
    close(report[1]);
    error = await_exec(report[0], message, sizeof message);
    close(report[0]);
    if (error != 0) {
        waitpid(child, NULL, 0);
        if (keeper.output >= 0) unlink(keeper.part);
        give_up(keeper.report, error, "%s", message);
    }
    keeper.child = child;
    keeper.to_stdin = in[1];
    keeper.from_stdout = out[0];
    keeper.from_stderr = err[0];
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    if (in[1] >= 0) fcntl(in[1], F_SETFL, O_NONBLOCK);
}

static _Noreturn void keep_run(const struct config *config, const struct run *run, int report, int socket)
{
    static struct identity identity;
    settle_keeper_files(report, socket);
    open_keeper_signals();
    const char *user = keeper.program->user == NULL ? config->user : keeper.program->user;
    resolve_identity(user, &identity, keeper.report);
    bool entered = enter_cwd(config->cwd, &identity);
    become_user(&identity, keeper.report);
    if (!entered && chdir(config->cwd) != 0)
        give_up(keeper.report, errno, "cannot enter the working directory %s: %s", config->cwd, strerror(errno));
    prctl(PR_SET_DUMPABLE, 0);
    end_with(life.supervisor);
    open_output();
    sha256_start(&keeper.sha);
    start_program(config, &identity);
    greet_stream(run->id);
    while (!keeper.over) carry_on();
    drain_pipes();
    settle_output();
    end_stream();
    finish_result();
    report_result();
}

/* -------------------------------------------------------------------------------------------------- in the supervisor */

static const struct program *find_program(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->program_count; i++) {
        const struct program *program = &config->program[i];
        if (strcmp(program->name, name) == 0 && program->arguments.count > 0) return program;
    }
    return NULL;
}

static struct run *find_run(const char *id)
{
    for (struct run *run = runs.run; run < runs.run + RUNS_MAX; run++)
        if (run->number > 0 && strcmp(run->id, id) == 0) return run;
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Two that write the same file, or are the same, would get in each other's way. */
static bool is_busy(const struct program *program)
{
    int running = 0;
    for (const struct run *run = runs.run; run < runs.run + RUNS_MAX; run++) {
        if (run->keeper == 0) continue;
        running++;
        if (strcmp(run->name, program->name) == 0 || same_text(run->output, program->output)) return true;
    }
    return running >= RUNS_AT_ONCE || state == STOPPING;
}

/* A free place, or that of the run that began first of those that have ended. */
static struct run *run_place(void)
{
    struct run *place = NULL;
    for (struct run *run = runs.run; run < runs.run + RUNS_MAX; run++)
        if (run->keeper == 0 && (place == NULL || run->number < place->number)) place = run;
    return place;
}

static struct client *client_of(const struct run *run)
{
    for (struct client *client = server.client; client < server.client + CLIENTS_MAX; client++)
        if (client->phase == HANDED_OVER && client->run == run) return client;
    return NULL;
}

static void say_run(struct client *client, const struct run *run)
{
    char digest[2 * SHA256_SIZE + 1], tail[TAIL_LIMIT * 4 / 3 + 8];
    if (run->keeper != 0) {
        client_say(client, "RUN %s state=running\n", run->id);
        return;
    }
    const struct result *result = &run->result;
    hex_encode(result->digest, sizeof result->digest, digest);
    base64_encode(result->tail, result->tail_size, tail);
    client_say(client, "RUN %s state=exited code=%d size=%" PRIu64 " sha256=%s tail=%s\n", run->id, result->code,
               result->size, digest, tail);
}

/* The supervisor itself knows how it ended: there never was a keeper. */
static void run_fails(struct run *run, const char *why, int error)
{
    run->keeper = 0;
    set_result(&run->result, CODE_UNKEPT, "%s: %s", why, strerror(error));
}

static void run_starts(struct run *run, const struct program *program, enum kind kind, int socket)
{
    int report[2];
    if (!record_start(run)) {
        run_fails(run, "the run cannot be recorded, so it is not begun", errno);
        return;
    }
    if (pipe2(report, O_CLOEXEC) != 0) {
        run_fails(run, "cannot make a pipe", errno);
        record_end(run);
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        keeper.kind = kind;
        keeper.program = program;
        keeper.output = keeper.from_stdout = keeper.from_stderr = keeper.to_stdin = -1;
        keep_run(life.config, run, report[1], kind == TO_FILE ? -1 : socket);
    }
    close(report[1]);
    if (child < 0) {
        run_fails(run, "cannot make a process", errno);
        record_end(run);
        close(report[0]);
        return;
    }
    run->keeper = child;
    run->report = report[0];
}

static void client_runs(struct client *client, char *words, enum kind kind)
{
    char *id = strsep(&words, " "), *name = words;
    if (!is_run_id(id) || name == NULL || *name == '\0' || strlen(name) > RUN_NAME_MAX || strpbrk(name, " \t\r") != NULL) {
        client_refuse(client, "a run wants an id of up to 64 letters, digits and dashes, and the name of a command");
        return;
    }
    struct run *run = find_run(id);
    if (run != NULL) {
        if (strcmp(run->name, name) == 0) say_run(client, run);
        else client_refuse(client, "that id is a run of another command");
        return;
    }
    const struct program *program = find_program(life.config, name);
    if (program == NULL) {
        client_say(client, "RUN %s state=unknown\n", id);
        return;
    }
    if (kind != TO_FILE && client->input_size > 0) {
        client_refuse(client, "wait for STREAM before sending more");
        return;
    }
    run = is_busy(program) ? NULL : run_place();
    if (run == NULL) {
        client_say(client, "RUN %s state=busy\n", id);
        return;
    }
    *run = (struct run){.number = ++runs.number, .output = kind == TO_CLIENT ? NULL : program->output};
    snprintf(run->id, sizeof run->id, "%s", id);
    snprintf(run->name, sizeof run->name, "%s", name);
    run_starts(run, program, kind, client->socket);
    if (kind == TO_FILE || run->keeper == 0) {
        say_run(client, run);
        return;
    }
    client->phase = HANDED_OVER;
    client->run = run;
}

/* Reads what the keeper left in its pipe: a result, or in the way of give_up() why there was no program. */
static void take_report(struct run *run)
{
    static char bytes[sizeof(struct result) + 1];
    size_t size = 0;
    fcntl(run->report, F_SETFL, O_NONBLOCK);
    for (ssize_t got; size < sizeof bytes && (got = read(run->report, bytes + size, sizeof bytes - size)) != 0;) {
        if (got < 0 && errno != EINTR) break;
        if (got > 0) size += (size_t)got;
    }
    close(run->report);
    int error;
    if (size == sizeof run->result) {
        memcpy(&run->result, bytes, size);
        if (run->result.tail_size > TAIL_LIMIT) run->result.tail_size = TAIL_LIMIT;
    } else if (size > sizeof error && size < 1024) {
        memcpy(&error, bytes, sizeof error);
        set_result(&run->result, error == ENOENT ? 127 : 126, "%.*s", (int)(size - sizeof error), bytes + sizeof error);
    } else {
        set_result(&run->result, CODE_LOST, "what looked after the run was killed; how it ended is not known");
    }
}

/* A keeper is gone. False when it was none. */
static bool run_ended(pid_t pid)
{
    for (struct run *run = runs.run; run < runs.run + RUNS_MAX; run++) {
        if (run->keeper != pid || pid == 0) continue;
        waitpid(pid, NULL, 0);
        run->keeper = 0;
        run->output = NULL;
        take_report(run);
        record_end(run);
        struct client *client = client_of(run);
        if (client == NULL) return true;
        say_run(client, run);
        client->phase = LEAVING;
        client->deadline = monotonic_ms() + RUN_LINGER_MS;
        return true;
    }
    return false;
}

/* The guest stops: nobody waits for what is not the process itself. */
static void stop_runs(void)
{
    for (const struct run *run = runs.run; run < runs.run + RUNS_MAX; run++)
        if (run->keeper != 0) kill(run->keeper, SIGTERM);
}
