/*
 * What the supervisor's binary does when it is run with a word: `digest`, `archive` and `unarchive` of a folder. Part of
 * init.c, which includes it.
 *
 * The folder may hold anything, and so may an archive: names are never joined to paths that the kernel would resolve,
 * every step goes from an open folder to one entry of it, and no link is followed.
 */

enum {
    TAR_BLOCK = 512,
    TAR_TEXT_LIMIT = 1024 * 1024, /* of long names and other records about a member */
    TAR_NAME = 100,
};

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

/* A growing text, always ended by NUL. */
struct text {
    char *bytes;
    size_t length, room;
};

static void text_cut(struct text *text, size_t length)
{
    text->length = length;
    if (text->room > 0) text->bytes[length] = '\0';
}

static void text_add(struct text *text, const char *bytes, size_t size)
{
    if (text->length + size + 1 > text->room) {
        text->room = 2 * (text->length + size + 1);
        text->bytes = must(realloc(text->bytes, text->room));
    }
    memcpy(text->bytes + text->length, bytes, size);
    text_cut(text, text->length + size);
}

static void text_set(struct text *text, const char *bytes, size_t size)
{
    text_cut(text, 0);
    text_add(text, bytes, size);
}

/* ------------------------------------------------------------------------------------------------------------ walk */

/* An entry of a tree. `path` is relative to its top, "." for the top itself. */
struct entry {
    int folder;
    const char *name, *path;
    struct stat status;
};

typedef void visitor(const struct entry *entry, void *context);

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct list sorted_names(int folder, const char *path)
{
    struct list names = {0};
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (entries == NULL) fail("cannot read the folder %s: %s", path, strerror(errno));
    errno = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            list_add(&names, must(strdup(entry->d_name)));
    if (errno != 0) fail("cannot read the folder %s: %s", path, strerror(errno));
    closedir(entries);
    if (names.count > 0) qsort(names.item, names.count, sizeof *names.item, by_bytes);
    return names;
}

/* A new ext4 brings it along, another file system does not: it says nothing about what somebody keeps there. */
static bool is_of_the_file_system(const struct entry *entry)
{
    return strcmp(entry->path, "lost+found") == 0 && S_ISDIR(entry->status.st_mode) && entry->status.st_uid == 0;
}

/* Visits what is in the folder, folders before what is in them; other file systems mounted there are not entered. */
static void walk(int folder, struct text *path, dev_t device, visitor *visit, void *context)
{
    size_t length = path->length;
    struct list names = sorted_names(folder, length == 0 ? "." : path->bytes);
    for (size_t i = 0; i < names.count; i++) {
        if (length > 0) text_add(path, "/", 1);
        text_add(path, names.item[i], strlen(names.item[i]));
        struct entry entry = {.folder = folder, .name = names.item[i], .path = path->bytes};
        if (fstatat(folder, entry.name, &entry.status, AT_SYMLINK_NOFOLLOW) != 0)
            fail("cannot look at %s: %s", entry.path, strerror(errno));
        if (!is_of_the_file_system(&entry) && !S_ISSOCK(entry.status.st_mode)) { /* a socket is nothing once nobody listens */
            visit(&entry, context);
            if (S_ISDIR(entry.status.st_mode) && entry.status.st_dev == device) {
                int inner = openat(folder, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (inner < 0) fail("cannot open the folder %s: %s", entry.path, strerror(errno));
                walk(inner, path, device, visit, context);
                close(inner);
            }
        }
        free(names.item[i]);
        text_cut(path, length);
    }
    free(names.item);
}

/* One open folder for each level: as many as the kernel lets us have. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void walk_tree(const char *top, visitor *visit, void *context)
{
    struct text path = {0};
    struct entry entry = {.name = ".", .path = "."};
    raise_file_limit();
    entry.folder = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (entry.folder < 0 || fstat(entry.folder, &entry.status) != 0) fail("cannot open %s: %s", top, strerror(errno));
    text_set(&path, "", 0);
    visit(&entry, context);
    walk(entry.folder, &path, entry.status.st_dev, visit, context);
    close(entry.folder);
    free(path.bytes);
}

static int open_content(const struct entry *entry)
{
    int file = openat(entry->folder, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;
    if (file < 0) fail("cannot read %s: %s", entry->path, strerror(errno));
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) fail("%s changed while it was read", entry->path);
    return file;
}

/* As much as there is up to `size`; 0 at the end. */
static size_t read_some(int file, char *bytes, size_t size, const char *path)
{
    for (;;) {
        ssize_t got = read(file, bytes, size);
        if (got >= 0) return (size_t)got;
        if (errno != EINTR) fail("cannot read %s: %s", path, strerror(errno));
    }
}

static void read_target(const struct entry *entry, struct text *target)
{
    char bytes[PATH_MAX];
    ssize_t got = readlinkat(entry->folder, entry->name, bytes, sizeof bytes);
    if (got < 0) fail("cannot read the link %s: %s", entry->path, strerror(errno));
    text_set(target, bytes, (size_t)got);
}

/* ---------------------------------------------------------------------------------------------------------- digest */

struct digesting {
    struct sha256 sha;
    uint64_t files, bytes;
    struct text target;
};

static char type_letter(mode_t mode)
{
    if (S_ISREG(mode)) return 'f';
    if (S_ISDIR(mode)) return 'd';
    if (S_ISLNK(mode)) return 'l';
    if (S_ISFIFO(mode)) return 'p';
    return S_ISCHR(mode) ? 'c' : 'b';
}

/* Lengths go ahead of what they are of, so that no two trees are the same bytes. What a folder's size is, is the file system's affair. */
static void digest_entry(const struct entry *entry, void *context)
{
    static char bytes[CHUNK];
    struct digesting *digesting = context;
    const struct stat *status = &entry->status;
    char type = type_letter(status->st_mode);
    uint64_t size = type == 'f' ? (uint64_t)status->st_size : 0;
    if (type == 'l') {
        read_target(entry, &digesting->target);
        size = digesting->target.length;
    } else if (type == 'c' || type == 'b') {
        size = status->st_rdev;
    }
    /* No mode of a link counts for anything. */
    unsigned mode = type == 'l' ? 0777 : status->st_mode & 07777;
    int length = snprintf(bytes, sizeof bytes, "%c %o %u %u %" PRIu64 " %zu ", type, mode, status->st_uid,
                          status->st_gid, size, strlen(entry->path));
    sha256_add(&digesting->sha, bytes, (size_t)length);
    sha256_add(&digesting->sha, entry->path, strlen(entry->path));
    if (type == 'l') sha256_add(&digesting->sha, digesting->target.bytes, size);
    if (type != 'f') return;

    uint64_t total = 0;
    int file = open_content(entry);
    for (size_t got; (got = read_some(file, bytes, sizeof bytes, entry->path)) > 0; total += got)
        sha256_add(&digesting->sha, bytes, got);
    close(file);
    if (total != size) fail("%s changed while it was read", entry->path);
    digesting->files++;
    digesting->bytes += total;
}

static void print_digest(const char *top)
{
    static struct digesting digesting;
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    sha256_start(&digesting.sha);
    walk_tree(top, digest_entry, &digesting);
    sha256_end(&digesting.sha, digest);
    hex_encode(digest, sizeof digest, hex);
    printf("%s %" PRIu64 " %" PRIu64 "\n", hex, digesting.files, digesting.bytes);
    if (fflush(stdout) != 0) fail("cannot write the digest: %s", strerror(errno));
}

/* --------------------------------------------------------------------------------------------------------- archive */

struct tar_header {
    char name[TAR_NAME], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[TAR_NAME];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

/* A file with several names, and the first of them. */
struct known_file {
    dev_t device;
    ino_t inode;
    char *path;
};

struct archiving {
    struct known_file *known;
    size_t known_count;
    struct text target, name, records;
};

static void emit(const char *bytes, size_t size)
{
    if (!write_all(STDOUT_FILENO, bytes, size)) fail("cannot write the archive: %s", strerror(errno));
}

static void emit_padding(uint64_t size)
{
    static const char zeros[TAR_BLOCK];
    size_t over = (size_t)(size % TAR_BLOCK);
    if (over > 0) emit(zeros, TAR_BLOCK - over);
}

/* Octal with a NUL behind it; false when it does not fit. */
static bool put_octal(char *field, size_t size, uint64_t number)
{
    for (size_t i = size - 1; i-- > 0; number >>= 3) field[i] = (char)('0' + (number & 7));
    return number == 0;
}

/* A record of the pax format says its own length, digits included. */
static void add_record(struct text *records, const char *key, const char *value, size_t size)
{
    char digits[24] = "";
    size_t rest = strlen(key) + size + 3, length = rest;
    for (size_t again = 0; again != length; length = rest + (size_t)snprintf(digits, sizeof digits, "%zu", again))
        again = length;
    text_add(records, digits, strlen(digits));
    text_add(records, " ", 1);
    text_add(records, key, strlen(key));
    text_add(records, "=", 1);
    text_add(records, value, size);
    text_add(records, "\n", 1);
}

static void put_number(struct text *records, const char *key, char *field, size_t size, int64_t number)
{
    char digits[24];
    if (number >= 0 && put_octal(field, size, (uint64_t)number)) return;
    put_octal(field, size, 0);
    int length = snprintf(digits, sizeof digits, "%" PRId64, number);
    add_record(records, key, digits, (size_t)length);
}

static void put_text(struct text *records, const char *key, char field[TAR_NAME], const char *text, size_t length)
{
    memcpy(field, text, smaller(length, TAR_NAME));
    if (length > TAR_NAME) add_record(records, key, text, length);
}

static void emit_header(struct tar_header *header)
{
    unsigned sum = 0;
    memcpy(header->magic, "ustar", 6);
    memcpy(header->version, "00", 2);
    memset(header->checksum, ' ', sizeof header->checksum);
    for (size_t i = 0; i < sizeof *header; i++) sum += ((const uint8_t *)header)[i];
    put_octal(header->checksum, 7, sum);
    emit((const char *)header, sizeof *header);
}

static void emit_records(const struct text *records)
{
    struct tar_header header = {.name = "pax", .type = 'x'};
    if (records->length == 0) return;
    put_octal(header.mode, sizeof header.mode, 0600);
    put_octal(header.uid, sizeof header.uid, 0);
    put_octal(header.gid, sizeof header.gid, 0);
    put_octal(header.size, sizeof header.size, records->length);
    put_octal(header.mtime, sizeof header.mtime, 0);
    emit_header(&header);
    emit(records->bytes, records->length);
    emit_padding(records->length);
}

static void emit_content(const struct entry *entry)
{
    static char bytes[CHUNK];
    uint64_t left = (uint64_t)entry->status.st_size;
    int file = open_content(entry);
    while (left > 0) {
        size_t got = read_some(file, bytes, left < CHUNK ? (size_t)left : CHUNK, entry->path);
        if (got == 0) fail("%s became shorter while it was read", entry->path);
        emit(bytes, got);
        left -= got;
    }
    close(file);
    emit_padding((uint64_t)entry->status.st_size);
}

/* The first name of a file with several; NULL for the first one itself, which is remembered. */
static const char *earlier_name(struct archiving *archiving, const struct entry *entry)
{
    const struct stat *status = &entry->status;
    if (!S_ISREG(status->st_mode) || status->st_nlink < 2) return NULL;
    for (size_t i = 0; i < archiving->known_count; i++) {
        const struct known_file *known = &archiving->known[i];
        if (known->inode == status->st_ino && known->device == status->st_dev) return known->path;
    }
    size_t count = archiving->known_count++;
    archiving->known = must(realloc(archiving->known, (count + 1) * sizeof *archiving->known));
    archiving->known[count] = (struct known_file){status->st_dev, status->st_ino, must(strdup(entry->path))};
    return NULL;
}

static void archive_entry(const struct entry *entry, void *context)
{
    struct archiving *archiving = context;
    const struct stat *status = &entry->status;
    char type = type_letter(status->st_mode);
    if (type == 'c' || type == 'b') fail("%s is a device, which cannot be archived; remove it", entry->path);
    const char *link = earlier_name(archiving, entry);
    struct tar_header header = {.type = link != NULL ? '1' : type == 'd' ? '5' : type == 'l' ? '2' : type == 'p' ? '6' : '0'};
    text_set(&archiving->name, entry->path, strlen(entry->path));
    if (type == 'd') text_add(&archiving->name, "/", 1);
    text_set(&archiving->target, link != NULL ? link : "", link != NULL ? strlen(link) : 0);
    if (type == 'l') read_target(entry, &archiving->target);

    struct text *records = &archiving->records;
    text_set(records, "", 0);
    put_text(records, "path", header.name, archiving->name.bytes, archiving->name.length);
    put_text(records, "linkpath", header.link, archiving->target.bytes, archiving->target.length);
    put_number(records, "uid", header.uid, sizeof header.uid, status->st_uid);
    put_number(records, "gid", header.gid, sizeof header.gid, status->st_gid);
    put_number(records, "size", header.size, sizeof header.size, header.type == '0' ? status->st_size : 0);
    put_number(records, "mtime", header.mtime, sizeof header.mtime, status->st_mtim.tv_sec);
    put_octal(header.mode, sizeof header.mode, status->st_mode & 07777);
    emit_records(records);
    emit_header(&header);
    if (header.type == '0') emit_content(entry);
}

static void write_archive(const char *top)
{
    static struct archiving archiving;
    static const char end[2 * TAR_BLOCK];
    walk_tree(top, archive_entry, &archiving);
    emit(end, sizeof end);
}

/* ------------------------------------------------------------------------------------------------------- unarchive */

/* What the archive says of its next member. */
struct member {
    struct text path, link;
    bool has_path, has_link, has_size, has_uid, has_gid, has_mtime; /* said by a record, which counts more than the header */
    uint64_t size, uid, gid;
    int64_t mtime;
    mode_t mode;
    char type;
};

/* A folder gets its mode and time last: making what is in it would need the one and change the other. */
struct made_folder {
    char *path;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    int64_t mtime;
};

static struct {
    int top;
    struct made_folder *folder;
    size_t folders;
} unpacking;

static void take(char *bytes, size_t size)
{
    for (size_t at = 0, got; at < size; at += got)
        if ((got = read_some(STDIN_FILENO, bytes + at, size - at, "the archive")) == 0)
            fail("the archive ends in the middle: it is not whole");
}

static void take_padding(uint64_t size)
{
    char bytes[TAR_BLOCK];
    size_t over = (size_t)(size % TAR_BLOCK);
    if (over > 0) take(bytes, TAR_BLOCK - over);
}

/* Octal, or what GNU tar writes when that is too small; negative only for times before 1970. */
static int64_t field_number(const char *field, size_t size)
{
    uint64_t number = 0;
    if (field[0] & (char)0x80) {
        bool negative = ((uint8_t)field[0] & 0x40) != 0;
        number = negative ? UINT64_MAX : 0;
        for (size_t i = 0; i < size; i++) {
            uint8_t byte = (uint8_t)field[i];
            if (i == 0) byte = negative ? byte : byte & 0x7f;
            if (i + 8 < size && byte != (negative ? 0xff : 0)) fail("the archive holds a number that is too large");
            number = number << 8 | byte;
        }
        if (((int64_t)number < 0) != negative) fail("the archive holds a number that is too large");
        return (int64_t)number;
    }
    size_t i = 0;
    while (i < size && field[i] == ' ') i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
        if (number >> 60 != 0) fail("the archive holds a number that is too large");
        number = number << 3 | (uint64_t)(field[i] - '0');
    }
    if (i < size && field[i] != ' ' && field[i] != '\0') fail("the archive holds something that is no number");
    return (int64_t)number;
}

static uint64_t field_size(const char *field, size_t size)
{
    int64_t number = field_number(field, size);
    if (number < 0) fail("the archive holds a number that is too large");
    return (uint64_t)number;
}

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != '\0') return false;
    return true;
}

static void check_header(const struct tar_header *header)
{
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof *header; i++) {
        bool in_checksum = i >= offsetof(struct tar_header, checksum) && i < offsetof(struct tar_header, type);
        sum += in_checksum ? ' ' : ((const uint8_t *)header)[i];
    }
    if (field_number(header->checksum, sizeof header->checksum) != sum)
        fail("the archive is damaged, or is no tar archive");
}

static void take_text(struct text *text, uint64_t size)
{
    if (size > TAR_TEXT_LIMIT) fail("the archive holds a name or record that is too long");
    text_cut(text, 0);
    while (text->length < size) {
        char bytes[TAR_BLOCK];
        size_t count = smaller(sizeof bytes, (size_t)size - text->length);
        take(bytes, sizeof bytes);
        text_add(text, bytes, count);
    }
    if (text->room == 0) text_set(text, "", 0);
}

/* Whole seconds; what is behind the point is left out. */
static int64_t record_time(const char *value)
{
    uint64_t seconds;
    char digits[24];
    bool negative = *value == '-';
    snprintf(digits, sizeof digits, "%.*s", (int)strcspn(value + negative, "."), value + negative);
    if (!parse_number(digits, (uint64_t)1 << 40, &seconds)) fail("the archive holds a time that is none");
    return negative ? -(int64_t)seconds : (int64_t)seconds;
}

static uint64_t record_number(const char *value, uint64_t most)
{
    uint64_t number;
    if (!parse_number(value, most, &number)) fail("the archive holds a number that is none or too large");
    return number;
}

static void apply_record(struct member *member, const char *key, const char *value, size_t length)
{
    if (strlen(value) != length && strncmp(key, "SCHILY.", 7) != 0 && strncmp(key, "LIBARCHIVE.", 11) != 0)
        fail("the archive holds a record with a NUL in it");
    if (strncmp(key, "GNU.sparse.", 11) == 0) fail("the archive holds a sparse file, which is not supported");
    if (strcmp(key, "path") == 0) {
        text_set(&member->path, value, length);
        member->has_path = true;
    } else if (strcmp(key, "linkpath") == 0) {
        text_set(&member->link, value, length);
        member->has_link = true;
    } else if (strcmp(key, "size") == 0) {
        member->size = record_number(value, INT64_MAX);
        member->has_size = true;
    } else if (strcmp(key, "uid") == 0) {
        member->uid = record_number(value, UINT32_MAX - 1);
        member->has_uid = true;
    } else if (strcmp(key, "gid") == 0) {
        member->gid = record_number(value, UINT32_MAX - 1);
        member->has_gid = true;
    } else if (strcmp(key, "mtime") == 0) {
        member->mtime = record_time(value);
        member->has_mtime = true;
    }
}

/* "LENGTH KEY=VALUE\n" again and again. */
static void apply_records(struct member *member, struct text *records)
{
    for (size_t at = 0; at < records->length;) {
        char *record = records->bytes + at, *end, *equals;
        char *space = memchr(record, ' ', records->length - at);
        uint64_t length = 0;
        if (space != NULL) *space = '\0';
        if (space == NULL || !parse_number(record, records->length - at, &length) ||
            length <= (uint64_t)(space - record) + 1)
            fail("the archive holds a record that is none");
        end = record + length - 1;
        equals = memchr(space + 1, '=', (size_t)(end - space - 1));
        if (*end != '\n' || equals == NULL) fail("the archive holds a record that is none");
        *equals = *end = '\0';
        apply_record(member, space + 1, equals + 1, (size_t)(end - equals - 1));
        at += length;
    }
}

static void apply_header(struct member *member, const struct tar_header *header)
{
    bool is_posix = memcmp(header->magic, "ustar\0", 6) == 0;
    if (!member->has_path) {
        text_cut(&member->path, 0);
        if (is_posix && header->prefix[0] != '\0') {
            text_add(&member->path, header->prefix, strnlen(header->prefix, sizeof header->prefix));
            text_add(&member->path, "/", 1);
        }
        text_add(&member->path, header->name, strnlen(header->name, sizeof header->name));
    }
    if (!member->has_link) text_set(&member->link, header->link, strnlen(header->link, sizeof header->link));
    if (!member->has_size) member->size = field_size(header->size, sizeof header->size);
    if (!member->has_uid) member->uid = field_size(header->uid, sizeof header->uid);
    if (!member->has_gid) member->gid = field_size(header->gid, sizeof header->gid);
    if (!member->has_mtime) member->mtime = field_number(header->mtime, sizeof header->mtime);
    if (member->uid >= UINT32_MAX || member->gid >= UINT32_MAX || member->size > INT64_MAX - TAR_BLOCK)
        fail("the archive holds a number that is too large");
    member->mode = (mode_t)field_size(header->mode, sizeof header->mode) & 07777;
    member->type = header->type == '\0' || header->type == '7' ? '0' : header->type;
    size_t length = member->path.length;
    /* Of old archives: a folder is a file whose name ends so. */
    if (member->type == '0' && length > 0 && member->path.bytes[length - 1] == '/') member->type = '5';
}

/* Fills the next member; false at the end of the archive. */
static bool take_member(struct member *member)
{
    static struct text records;
    member->has_path = member->has_link = member->has_size = member->has_uid = member->has_gid = member->has_mtime = false;
    for (;;) {
        struct tar_header header;
        take((char *)&header, sizeof header);
        if (is_zero((const char *)&header, sizeof header)) return false;
        check_header(&header);
        uint64_t size = field_size(header.size, sizeof header.size);
        switch (header.type) {
        case 'x':
            take_text(&records, size);
            apply_records(member, &records);
            break;
        case 'g': take_text(&records, size); break;
        case 'L':
            take_text(&member->path, size);
            text_cut(&member->path, strlen(member->path.bytes));
            member->has_path = true;
            break;
        case 'K':
            take_text(&member->link, size);
            text_cut(&member->link, strlen(member->link.bytes));
            member->has_link = true;
            break;
        default: apply_header(member, &header); return true;
        }
    }
}

/*
 * Opens the folder that holds the last part of a path and says in `name` what that part is; makes the folders on the way
 * where `make` says so. An empty name is the top itself. Cuts the path into its parts.
 */
static int open_holder(char *path, const char **name, bool make)
{
    int folder = openat(unpacking.top, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) fail("cannot open the folder to unpack into: %s", strerror(errno));
    if (*path == '/') fail("the archive holds the absolute path %s; nothing outside the folder is written", path);
    *name = "";
    for (char *rest = path, *part; (part = strsep(&rest, "/")) != NULL;) {
        if (*part == '\0' || strcmp(part, ".") == 0) continue;
        if (strcmp(part, "..") == 0) fail("the archive holds a path with '..'; nothing outside the folder is written");
        if (**name != '\0') {
            if (make && mkdirat(folder, *name, 0755) != 0 && errno != EEXIST)
                fail("cannot make the folder %s: %s", *name, strerror(errno));
            int inner = openat(folder, *name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (inner < 0) fail("cannot go through %s, for it is no folder: %s", *name, strerror(errno));
            close(folder);
            folder = inner;
        }
        *name = part;
    }
    return folder;
}

static void clear_place(int folder, const char *name)
{
    if (*name == '\0') fail("the archive puts something else where the folder itself is");
    if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) fail("cannot replace %s: %s", name, strerror(errno));
}

/* Whoever is not root keeps what he unpacks. The mode comes last: a new owner takes bits of it away. */
static void settle_file(int file, const char *name, uid_t uid, gid_t gid, mode_t mode, int64_t mtime)
{
    const struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
    if (geteuid() == 0 && fchown(file, uid, gid) != 0)
        fail("cannot give %s to uid %u, gid %u: %s", name, uid, gid, strerror(errno));
    if (fchmod(file, mode) != 0 || futimens(file, times) != 0)
        fail("cannot set the mode and time of %s: %s", name, strerror(errno));
}

static void unpack_file(const struct member *member, int folder, const char *name)
{
    static char bytes[CHUNK];
    clear_place(folder, name);
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) fail("cannot make %s: %s", name, strerror(errno));
    for (uint64_t left = member->size; left > 0;) {
        size_t size = left < CHUNK ? (size_t)left : CHUNK;
        take(bytes, size);
        if (!write_all(file, bytes, size)) fail("cannot write %s: %s", name, strerror(errno));
        left -= size;
    }
    take_padding(member->size);
    settle_file(file, name, (uid_t)member->uid, (gid_t)member->gid, member->mode, member->mtime);
    if (close(file) != 0) fail("cannot write %s: %s", name, strerror(errno));
}

static void unpack_folder(const struct member *member, int folder, const char *name, char *path)
{
    if (*name != '\0' && mkdirat(folder, name, 0700) != 0 && errno != EEXIST)
        fail("cannot make the folder %s: %s", name, strerror(errno));
    struct stat status;
    if (*name != '\0' && (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode)))
        fail("cannot make the folder %s, for something else is there", name);
    size_t count = unpacking.folders++;
    unpacking.folder = must(realloc(unpacking.folder, (count + 1) * sizeof *unpacking.folder));
    unpacking.folder[count] = (struct made_folder){.path = path,
                                                   .mode = member->mode,
                                                   .uid = (uid_t)member->uid,
                                                   .gid = (gid_t)member->gid,
                                                   .mtime = member->mtime};
}

/* Where a link leads does not matter: nothing here goes through one. */
static void unpack_link(const struct member *member, int folder, const char *name)
{
    const struct timespec times[2] = {{.tv_sec = member->mtime}, {.tv_sec = member->mtime}};
    clear_place(folder, name);
    if (symlinkat(member->link.bytes, folder, name) != 0) fail("cannot make the link %s: %s", name, strerror(errno));
    if (geteuid() == 0 && fchownat(folder, name, (uid_t)member->uid, (gid_t)member->gid, AT_SYMLINK_NOFOLLOW) != 0)
        fail("cannot give the link %s to uid %u: %s", name, (unsigned)member->uid, strerror(errno));
    if (utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) != 0)
        fail("cannot set the time of the link %s: %s", name, strerror(errno));
}

static void unpack_hard_link(const struct member *member, int folder, const char *name)
{
    const char *target;
    struct stat status, here;
    char *path = must(strdup(member->link.bytes));
    int holder = open_holder(path, &target, false);
    if (*target == '\0' || fstatat(holder, target, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
        fail("the archive makes %s another name of something that is no file in it", name);
    bool is_itself = fstatat(folder, name, &here, AT_SYMLINK_NOFOLLOW) == 0 && here.st_ino == status.st_ino;
    if (!is_itself) {
        clear_place(folder, name);
        if (linkat(holder, target, folder, name, 0) != 0) fail("cannot make the name %s: %s", name, strerror(errno));
    }
    close(holder);
    free(path);
}

static void unpack_pipe(const struct member *member, int folder, const char *name)
{
    clear_place(folder, name);
    if (mkfifoat(folder, name, 0600) != 0) fail("cannot make the pipe %s: %s", name, strerror(errno));
    int file = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) fail("cannot open the pipe %s: %s", name, strerror(errno));
    settle_file(file, name, (uid_t)member->uid, (gid_t)member->gid, member->mode, member->mtime);
    close(file);
}

static void unpack_member(const struct member *member)
{
    const char *name;
    char *path = must(strdup(member->path.bytes)), *whole = must(strdup(member->path.bytes));
    if (member->type != '0' && member->type != '5' && member->type != '1' && member->type != '2' && member->type != '6')
        fail("%s is of a kind that is not unpacked (type '%c'): a device, or something of another tar", whole,
             member->type < ' ' ? '?' : member->type);
    if (member->type != '0' && member->type != '5' && member->size != 0 && member->type != '1')
        fail("%s is no file and yet has content; the archive is damaged", whole);
    int folder = open_holder(path, &name, true);
    switch (member->type) {
    case '0': unpack_file(member, folder, name); break;
    case '1': unpack_hard_link(member, folder, name); break;
    case '2': unpack_link(member, folder, name); break;
    case '5': unpack_folder(member, folder, name, whole); break;
    default: unpack_pipe(member, folder, name); break;
    }
    close(folder);
    if (member->type != '5') free(whole);
    free(path);
}

/* Inner folders first, so that no mode is in the way. */
static void settle_folders(void)
{
    while (unpacking.folders > 0) {
        const struct made_folder *made = &unpacking.folder[--unpacking.folders];
        const char *name;
        char *path = must(strdup(made->path));
        int holder = open_holder(path, &name, false);
        int folder = openat(holder, *name == '\0' ? "." : name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0) fail("cannot open the folder %s: %s", made->path, strerror(errno));
        settle_file(folder, made->path, made->uid, made->gid, made->mode, made->mtime);
        close(folder);
        close(holder);
        free(path);
        free(made->path);
    }
    free(unpacking.folder);
}

static void read_archive(const char *top)
{
    static struct member member;
    static char rest[CHUNK];
    bool made;
    raise_file_limit();
    umask(0);
    if (!make_folders(top, 0755, &made)) fail("cannot make %s: %s", top, strerror(errno));
    unpacking.top = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (unpacking.top < 0) fail("cannot open %s: %s", top, strerror(errno));
    while (take_member(&member)) unpack_member(&member);
    /* Whoever sends it may send more zeros, and shall not be told that nobody reads them. */
    while (read_some(STDIN_FILENO, rest, sizeof rest, "the archive") > 0) continue;
    settle_folders();
    if (syncfs(unpacking.top) != 0) fail("cannot write %s to the disk: %s", top, strerror(errno));
    free(member.path.bytes);
    free(member.link.bytes);
}

/* ----------------------------------------------------------------------------------------------------------- words */

static int run_word(int count, char **word)
{
    if (count == 3 && strcmp(word[1], "digest") == 0) print_digest(word[2]);
    else if (count == 3 && strcmp(word[1], "archive") == 0) write_archive(word[2]);
    else if (count == 3 && strcmp(word[1], "unarchive") == 0) read_archive(word[2]);
    else fail("usage: init digest|archive|unarchive PATH");
    return EXIT_SUCCESS;
}
