/*
 * Throws bytes at everything in the supervisor that reads what others wrote: the configuration, the segments of the
 * log, the commands of a client, the tables of the guest. Built with the sanitizers; a broken promise aborts.
 *
 * fuzz FOLDER SEED ROUNDS
 */
#define main supervisor_main
#include "../init.c"
#undef main

#define PROMISE(holds) ((holds) ? (void)0 : (fprintf(stderr, "line %d: broken: %s\n", __LINE__, #holds), abort()))

static uint64_t seed;

/* xorshift: the same seed finds the same fault again. */
static uint32_t any(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16) % below;
}

static size_t any_bytes(char *bytes, size_t most)
{
    static const char likely[] = "oOeEs 0123456789\n\0:,=ABab/+";
    size_t size = any((uint32_t)most);
    bool textual = any(2) == 0;
    for (size_t i = 0; i < size; i++) bytes[i] = textual ? likely[any(sizeof likely)] : (char)any(256);
    return size;
}

static void damage(char *bytes, size_t size)
{
    for (uint32_t count = any(4); count > 0 && size > 0; count--) bytes[any((uint32_t)size)] = (char)any(256);
}

static void encode_base64(const char *bytes, size_t size, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++) group = group << 8 | (i + j < size ? (uint8_t)bytes[i + j] : 0);
        for (size_t j = 0; j < 4; j++) *text++ = i + j > size ? '=' : digits[group >> (18 - 6 * j) & 63];
    }
    *text = '\0';
}

static void fuzz_config(void)
{
    static const char sample[] = "arg\0/bin/sh\0arg\0-c\0env\0A=b\0user\0app:web\0cwd\0/srv\0stop-signal\0SIGRTMIN+3\0"
                                 "restart\0never\0stop-timeout\0005000\0port\0008080\0listen\000127.0.0.1\0"
                                 "log-limit\0001000000\0secret\0x\0command\0dump\0command-arg\0/bin/x\0"
                                 "command-output\0/data/x\0command\0load\0command-user\0app\0hold\0yes\0";
    char bytes[1000], text[2000];
    size_t size = sizeof sample - 1;
    memcpy(bytes, sample, size);
    if (any(2) == 0) size = any_bytes(bytes, sizeof bytes);
    else damage(bytes, size);
    encode_base64(bytes, size, text);
    if (any(4) == 0) damage(text, strlen(text));

    struct config config;
    const char *problem = config_decode(&config, text);
    if (problem == NULL) {
        struct list environment = complete_environment(&config.environment, "/");
        PROMISE(config.arguments.count > 0 && variable(&environment, "PATH", 4) != NULL);
        free(environment.item);
    }
    struct list *lists[] = {&config.arguments, &config.environment, &config.nameservers, &config.searches,
                            &config.hosts};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->item);
    for (size_t i = 0; i < config.program_count; i++) free(config.program[i].arguments.item);
    free(config.program);
    free(config.bytes);
}

/* Opens what was encrypted for it, the first time and again, and nothing else. */
static void fuzz_sealed(const char *folder)
{
    static const char guest[] = "guest x";
    uint8_t key[KEY_SIZE], own[KEY_SIZE], part[KEY_SIZE];
    char plain[600], bytes[TAG_SIZE + sizeof plain], text[2000], right[sizeof text], path[PATH_MAX], hex[2 * KEY_SIZE + 2];
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)any(256);
    size_t size = any_bytes(plain, sizeof plain), opened;
    derive_key(key, guest, own);
    derive_key(own, "tag", part);
    hmac_sha256(part, sizeof part, plain, size, (uint8_t *)bytes);
    memcpy(bytes + TAG_SIZE, plain, size);
    derive_key(own, "cipher", part);
    cipher_apply(part, (uint8_t *)bytes, bytes + TAG_SIZE, size);
    memcpy(right, "x.", 2);
    encode_base64(bytes, TAG_SIZE + size, right + 2);

    snprintf(path, sizeof path, "%s/key", folder);
    hex_encode(key, sizeof key, hex);
    hex[2 * KEY_SIZE] = '\n';
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    PROMISE(file >= 0 && write_all(file, hex, 2 * KEY_SIZE + 1));
    close(file);

    memcpy(text, right, sizeof text);
    damage(text, strlen(right) + 1);
    text[sizeof text - 1] = '\0';
    char *room = must(malloc(strlen(text) / 4 * 3 + 1));
    bool same = strcmp(text, right) == 0;
    if (sealed_open(text, path, room, &opened) == NULL)
        PROMISE(same ? opened == size && memcmp(room, plain, size) == 0 : opened <= sizeof plain);
    else PROMISE(!same);
    free(room);
    room = must(malloc(strlen(right) / 4 * 3 + 1));
    PROMISE(sealed_open(right, path, room, &opened) == NULL && opened == size && memcmp(room, plain, size) == 0);
    uint8_t kept[KEY_SIZE];
    PROMISE(read_key(path, kept) && memcmp(kept, own, sizeof own) == 0);
    free(room);
    unlink(path);
}

static void fuzz_tables(void)
{
    char text[400], *field[6], *rest = text, *line;
    text[any_bytes(text, sizeof text - 1)] = '\0';
    line_shows_listener(text, 80);
    parse_signal(text);
    remove_our_lines(text);
    while ((line = strsep(&rest, "\n")) != NULL) {
        split_fields(line, field, 6);
        is_called(field[0], field[1], 7);
        is_member(field[3] == NULL || *field[3] == '\0' ? NULL : field[3], "app");
    }
}

/* Whatever the tables say, no sum is beyond what may be told. */
static void fuzz_usage(void)
{
    static const char mounts_sample[] = "27 1 252:7 / / rw shared:1 - ext4 /dev/a rw\n40 27 252:8 / /data rw - xfs /dev/b rw\n";
    static const char table_sample[] = "252:7 rbytes=1 wbytes=2 rios=9007199254740990 wios=4\n7:0 252:8 rios=5 wios=6\n";
    char mounts[sizeof mounts_sample], table[sizeof table_sample];
    struct list disks = {0};
    struct operations sum = {0};
    memcpy(mounts, mounts_sample, sizeof mounts);
    memcpy(table, table_sample, sizeof table);
    if (any(4) == 0) mounts[any_bytes(mounts, sizeof mounts - 1)] = '\0';
    else damage(mounts, sizeof mounts - 1);
    if (any(4) == 0) table[any_bytes(table, sizeof table - 1)] = '\0';
    else damage(table, sizeof table - 1);
    if (find_disks(mounts, &disks) && add_operations(table, &disks, &sum))
        PROMISE(disks.count > 0 && sum.reads <= OPERATIONS_LIMIT && sum.writes <= OPERATIONS_LIMIT);
    free(disks.item);
}

static void write_segment(const char *folder, uint64_t start, const char *bytes, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%020" PRIu64, folder, start);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    PROMISE(file >= 0 && write_all(file, bytes, size));
    close(file);
}

static size_t some_frames(char *bytes, size_t room)
{
    static char data[LINE_LIMIT];
    size_t size = 0;
    while (any(8) != 0 && room - size > FRAME_LIMIT)
        size += format_frame(bytes + size, "oOeEs"[any(5)], data, any(any(4) == 0 ? LINE_LIMIT : 100));
    return size;
}

static void forget_log(void)
{
    log_close();
    while (logs.segments > 0) close(logs.segment[--logs.segments].file);
    if (logs.folder >= 0) close(logs.folder);
    memset(&logs, 0, sizeof logs);
}

static void empty_folder(const char *folder)
{
    int there = open(folder, O_RDONLY | O_DIRECTORY);
    size_t count;
    uint64_t *starts = list_segments(there, &count);
    for (size_t i = 0; i < count; i++) {
        char name[24];
        segment_name(starts[i], name);
        unlinkat(there, name, 0);
    }
    free(starts);
    close(there);
}

/* Reads as a client does, from somewhere to the end. */
static void read_through(uint64_t offset)
{
    static char bytes[CHUNK];
    while (offset < logs.end) {
        uint64_t readable = log_readable_from(offset);
        PROMISE(readable >= offset && readable <= logs.end);
        if (readable == logs.end) return;
        uint64_t run_end = log_run_end(readable), frame_end = frame_end_after(readable);
        PROMISE(run_end > readable && frame_end <= run_end);
        size_t size = log_read(readable, bytes, sizeof bytes);
        PROMISE(size <= run_end - readable);
        size_t whole = frame_end == readable ? whole_frames(bytes, size) : 0;
        offset = frame_end > readable ? frame_end : whole > 0 ? readable + whole : run_end;
    }
}

/* Segments as crashes, full disks and other programs leave them. */
static void write_segments(const char *folder)
{
    static char bytes[4 * CHUNK];
    uint64_t start = any(1000);
    for (uint32_t count = any(5); count > 0; count--) {
        size_t size = any(5) == 0 ? any_bytes(bytes, 5000) : some_frames(bytes, sizeof bytes);
        if (any(3) == 0) damage(bytes, size);
        if (any(3) == 0) size = any((uint32_t)size + 1);
        write_segment(folder, start, bytes, size);
        start += any(4) == 0 ? any(10000) : size;
    }
}

static void fuzz_recovery(const char *folder)
{
    static char bytes[LINE_LIMIT];
    write_segments(folder);
    log_open(folder, SEGMENTS_A_LOG * SEGMENT_MINIMUM);
    uint64_t recovered = logs.end;
    for (uint32_t count = any(60); count > 0; count--) log_frame('o', bytes, any(LINE_LIMIT));
    log_flush();
    PROMISE(logs.end >= recovered && log_start() <= logs.end);
    read_through(0);
    read_through(any((uint32_t)logs.end + 1));
    uint64_t end = logs.end, first = log_start();
    forget_log();

    log_open(folder, SEGMENTS_A_LOG * SEGMENT_MINIMUM);
    PROMISE(logs.end == end && log_start() == first);
    forget_log();
    empty_folder(folder);
}

/* There is no command, so that nothing is ever executed; but one run is known. */
static void know_a_run(void)
{
    static struct config config;
    memset(&runs, 0, sizeof runs);
    runs.file = -1;
    runs.run[0] = (struct run){.number = 1, .id = "known", .name = "n"};
    set_result(&runs.run[0].result, 7, "%s", "it ended");
    while (any(3) != 0) runs.run[0].result.tail[runs.run[0].result.tail_size++] = (char)any(256);
    life.config = &config;
}

/* Records as crashes and other programs leave them: what is read back is whole, or is not there. */
static void fuzz_runs(const char *folder)
{
    static char bytes[RUNS_MAX * SLOT_SIZE];
    static struct program program = {.name = "n"};
    struct config config = {.program = &program, .program_count = 1};
    char path[PATH_MAX];
    memset(&runs, 0, sizeof runs);
    runs_open(folder, &config);
    PROMISE(runs.file >= 0);
    for (uint32_t i = 0; i < 10; i++) {
        struct run *run = &runs.run[any(RUNS_MAX)];
        *run = (struct run){.number = ++runs.number, .name = "n"};
        snprintf(run->id, sizeof run->id, "run-%u", i);
        PROMISE(record_start(run));
        if (any(3) == 0) continue;
        set_result(&run->result, (int)any(300), "%s", "");
        run->result.tail_size = (uint32_t)any_bytes(run->result.tail, TAIL_LIMIT);
        record_end(run);
    }
    PROMISE(pread(runs.file, bytes, sizeof bytes, 0) == sizeof bytes);
    for (uint32_t count = any(20); count > 0; count--) damage(bytes, sizeof bytes);
    for (uint32_t count = any(20); count > 0; count--) damage(bytes + any(RUNS_MAX) * SLOT_SIZE, 1000);
    PROMISE(pwrite(runs.file, bytes, sizeof bytes, 0) == sizeof bytes);
    if (any(5) == 0) PROMISE(ftruncate(runs.file, (off_t)any(sizeof bytes)) == 0);
    close(runs.file);
    memset(&runs, 0, sizeof runs);
    runs_open(folder, &config);
    for (const struct run *run = runs.run; run < runs.run + RUNS_MAX; run++) {
        PROMISE(run->number == 0 || is_run_id(run->id));
        PROMISE(run->number <= runs.number && run->result.tail_size <= TAIL_LIMIT);
    }
    close(runs.file);
    snprintf(path, sizeof path, "%s/runs", folder);
    unlink(path);
}

static void fuzz_client(const char *folder)
{
    static const char *const commands[] = {"STATUS\n", "LOGS 0\n", "LOGS 7\n", "LOGS ", "AUTH ", "\n", "9999999",
                                          "RUN 1 n\n", "RUN ", "READ a-1 dump\n", "WRITE x y\n", "RELEASE\n", "RUN known n\n"};
    char line[COMMAND_LIMIT + 100] = "", proof[2 * SHA256_SIZE + 1];
    uint8_t digest[SHA256_SIZE];
    int ends[2];
    write_segments(folder);
    log_open(any(3) == 0 ? NULL : folder, SEGMENTS_A_LOG * SEGMENT_MINIMUM);
    for (uint32_t count = any(200); count > 0; count--) log_frame('o', line, any(200));
    log_flush();
    server.secret = "secret";
    know_a_run();
    PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    struct client *client = &server.client[0];
    client_greet(client, ends[0]);
    client_serve(client, POLLOUT);
    hmac_sha256(server.secret, strlen(server.secret), client->nonce, strlen(client->nonce), digest);
    hex_encode(digest, sizeof digest, proof);
    if (any(4) != 0) dprintf(ends[1], "AUTH %s\n", proof);
    for (uint32_t count = any(20); count > 0 && client->phase != NOBODY; count--) {
        const char *text = commands[any(sizeof commands / sizeof *commands)];
        size_t size = any(3) == 0 ? any_bytes(line, sizeof line) : (size_t)sprintf(line, "%s", text);
        send(ends[1], line, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        client_serve(client, POLLIN | POLLOUT);
        char drained[4096];
        if (any(2) == 0) recv(ends[1], drained, sizeof drained, MSG_DONTWAIT);
    }
    if (client->phase != NOBODY) client_close(client);
    close(ends[1]);
    forget_log();
    empty_folder(folder);
}

/* What a slow client got: nothing but whole frames and gaps, each where the one before ended. */
static uint64_t follow(const char *bytes, size_t size, uint64_t offset)
{
    for (size_t at = 0, frame; at < size; at += frame) {
        frame = frame_size(bytes + at, size - at);
        if (frame > 0) {
            offset += frame;
            continue;
        }
        char *rest;
        PROMISE(size - at > 4 && memcmp(bytes + at, "GAP ", 4) == 0);
        PROMISE(strtoull(bytes + at + 4, &rest, 10) == offset);
        offset = strtoull(rest, &rest, 10);
        PROMISE(*rest == '\n');
        frame = (size_t)(rest + 1 - bytes) - at;
    }
    return offset;
}

/* A client with next to no buffer, so that most frames are sent in parts while the log goes on and drops its oldest. */
static void fuzz_slow_client(const char *folder)
{
    static char received[8 * 1024 * 1024], data[LINE_LIMIT];
    size_t size = 0;
    int ends[2], little = 1;
    log_open(any(2) == 0 ? folder : NULL, SEGMENTS_A_LOG * SEGMENT_MINIMUM);
    PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    struct client *client = &server.client[0];
    memset(client, 0, sizeof *client);
    client->socket = ends[0];
    client->phase = STREAMING;
    for (int step = 0; step < 300 || client_wants_to_send(client); step++) {
        for (uint32_t count = step < 300 ? any(6) : 0; count > 0; count--) log_frame('o', data, any(LINE_LIMIT));
        log_flush();
        client_serve(client, POLLOUT);
        size_t room = smaller(any(step < 300 ? 20000 : 200000), sizeof received - size - 1);
        ssize_t got = recv(ends[1], received + size, room, MSG_DONTWAIT);
        if (got > 0) size += (size_t)got;
    }
    for (ssize_t got; (got = recv(ends[1], received + size, sizeof received - size - 1, MSG_DONTWAIT)) > 0;)
        size += (size_t)got;
    received[size] = '\0';
    PROMISE(follow(received, size, 0) == logs.end);
    client_close(client);
    close(ends[1]);
    forget_log();
    empty_folder(folder);
}

/* Fills memory several times over with frames of every size. */
static void fuzz_memory(void)
{
    static char data[LINE_LIMIT];
    log_open(NULL, 0);
    for (uint32_t count = any(400); count > 0; count--) log_frame('e', data, any(LINE_LIMIT + 1));
    log_flush();
    PROMISE(logs.end - log_start() <= MEMORY_LIMIT);
    read_through(log_start());
    forget_log();
}

static void fuzz_stream(void)
{
    static char bytes[3 * LINE_LIMIT];
    static struct stream stream = {.letter = 'o'};
    log_open(NULL, 0);
    for (uint32_t count = any(20); count > 0; count--) {
        size_t size = any(sizeof bytes);
        for (uint32_t newlines = any(4); newlines > 0 && size > 0; newlines--) bytes[any((uint32_t)size)] = '\n';
        stream_add(&stream, bytes, size);
        PROMISE(stream.length <= LINE_LIMIT);
        memset(bytes, 'x', sizeof bytes);
    }
    stream_flush(&stream);
    log_flush();
    read_through(log_start());
    forget_log();
}

void __lsan_disable(void);

static size_t some_archive(char *bytes)
{
    static const char *const names[] = {"a", "a/b", "a/b/c", "../x", "/tmp/containr-fuzz", "l", "l/x", "./", ""};
    static const char types[] = "0000512125xxLKg67S3";
    size_t size = 0;
    for (uint32_t count = any(12); count > 0; count--) {
        struct tar_header *header = (struct tar_header *)(bytes + size);
        memset(header, 0, sizeof *header);
        snprintf(header->name, sizeof header->name, "%s", names[any(sizeof names / sizeof *names)]);
        snprintf(header->link, sizeof header->link, "%s", names[any(sizeof names / sizeof *names)]);
        header->type = types[any(sizeof types - 1)];
        uint32_t content = strchr("0xLKg", header->type) != NULL ? any(1500) : 0;
        snprintf(header->mode, sizeof header->mode, "%07o", any(2) == 0 ? 0755 : any(010000));
        put_octal(header->size, sizeof header->size, content);
        put_octal(header->mtime, sizeof header->mtime, any(1u << 30));
        if (any(6) == 0) damage((char *)header, sizeof *header);
        if (any(8) == 0) header->size[0] = (char)(0x80 | any(128));
        memcpy(header->magic, "ustar", 6);
        unsigned sum = 0;
        memset(header->checksum, ' ', sizeof header->checksum);
        for (size_t i = 0; i < sizeof *header; i++) sum += ((const uint8_t *)header)[i];
        put_octal(header->checksum, 7, sum);
        size += sizeof *header;
        memset(bytes + size, 'n', content);
        if (header->type == 'x') {
            static const char records[] = "9 uid=12\n12 path=a/zz\n15 linkpath=a/b\n11 mtime=-1\n";
            memcpy(bytes + size, records, smaller(content, sizeof records - 1));
            content = any(2) == 0 ? content : (uint32_t)smaller(content, sizeof records - 1);
            put_octal(header->size, sizeof header->size, content);
            if (any(3) == 0) damage(bytes + size, content);
        }
        size += content + (TAR_BLOCK - content % TAR_BLOCK) % TAR_BLOCK;
    }
    memset(bytes + size, 0, 2 * TAR_BLOCK);
    return size + (any(4) == 0 ? any(TAR_BLOCK) : 2 * TAR_BLOCK);
}

/* In a process of its own, for it ends with the first thing that is wrong. */
static void fuzz_archive(const char *folder)
{
    static char bytes[64 * 1024];
    char path[PATH_MAX];
    int ends[2], status;
    size_t size = some_archive(bytes);
    if (any(10) == 0) size = any_bytes(bytes, 5000);
    snprintf(path, sizeof path, "%s/tree", folder);
    PROMISE(pipe(ends) == 0);
    pid_t child = fork();
    PROMISE(child >= 0);
    if (child == 0) {
        __lsan_disable();
        dup2(ends[0], STDIN_FILENO);
        close(ends[1]);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        read_archive(path);
        _exit(EXIT_SUCCESS);
    }
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    write_all(ends[1], bytes, size);
    close(ends[1]);
    PROMISE(waitpid(child, &status, 0) == child);
    PROMISE(WIFEXITED(status) && WEXITSTATUS(status) <= EXIT_FAILURE);
    struct stat there;
    snprintf(path, sizeof path, "%s/x", folder);
    PROMISE(lstat(path, &there) != 0 && lstat("/tmp/containr-fuzz", &there) != 0);
}

int main(int count, char **argument)
{
    PROMISE(count == 4);
    uint32_t first = (uint32_t)atoi(argument[2]), rounds = (uint32_t)atoi(argument[3]);
    for (uint32_t round = 0; round < rounds; round++) {
        seed = 0x9e3779b97f4a7c15u * (first + round + 1);
        fprintf(stderr, "seed %u\n", first + round);
        for (int i = 0; i < 20; i++) fuzz_config();
        for (int i = 0; i < 20; i++) fuzz_tables();
        for (int i = 0; i < 20; i++) fuzz_usage();
        fuzz_sealed(argument[1]);
        fuzz_recovery(argument[1]);
        fuzz_client(argument[1]);
        if (round % 10 == 0) fuzz_runs(argument[1]);
        for (int i = 0; i < 5; i++) fuzz_archive(argument[1]);
        if (round % 10 == 0) fuzz_memory();
        if (round % 10 == 0) fuzz_slow_client(argument[1]);
        fuzz_stream();
    }
    return 0;
}
