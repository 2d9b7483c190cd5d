/*
 * How often the disks of the guest were read and written, as the kernel counts it for the guest's cgroup. Part of
 * init.c.
 *
 * The disk of a guest often stands on other ones (a thin volume, a loop device on a file), and one operation is counted
 * on each of them. So only the devices count that are mounted in the guest. Where one of these is not counted nothing
 * is told: a part would pass for the whole.
 */

/* Beyond this a reader that calculates with doubles is wrong; no disk gets there. */
#define OPERATIONS_LIMIT (UINT64_C(1) << 53)

enum { TABLE_LIMIT = 256 * 1024 };

struct operations {
    uint64_t reads, writes;
};

/* A file that the kernel makes up while it is read, and that therefore has no size. NULL also when it is too long. */
static char *read_table(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) return NULL;
    char *text = must(malloc(TABLE_LIMIT));
    size_t size = 0;
    ssize_t got;
    while ((got = read(file, text + size, TABLE_LIMIT - size)) > 0) size += (size_t)got;
    close(file);
    if (got < 0 || size == TABLE_LIMIT) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

/* These write from threads of the kernel's or over the network, which is counted for no guest. */
static bool is_uncounted(const char *type, size_t length)
{
    static const char *const types[] = {"zfs", "btrfs", "nfs", "nfs4", "cifs", "ceph", "9p", "virtiofs", "overlay"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i]) == length && strncmp(types[i], type, length) == 0) return true;
    return false;
}

static bool list_has(const struct list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->item[i], item) == 0) return true;
    return false;
}

/*
 * The device of each line of mountinfo, "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw", once; those with major 0
 * are no disks. False when there is none, or something lies on what is not counted.
 */
static bool find_disks(char *mounts, struct list *disks)
{
    for (char *line; (line = strsep(&mounts, "\n")) != NULL;) {
        const char *type = strstr(line, " - ");
        if (type == NULL) continue;
        type += 3;
        if (is_uncounted(type, strcspn(type, " "))) return false;
        strsep(&line, " ");
        strsep(&line, " ");
        char *device = strsep(&line, " ");
        if (device != NULL && strncmp(device, "0:", 2) != 0 && !list_has(disks, device)) list_add(disks, device);
    }
    return disks->count > 0;
}

/*
 * Reads "254:0 rbytes=1 wbytes=2 rios=3 wios=4 ...". Word by word, for some kernels leave a device without numbers on
 * the same line.
 */
static bool add_operations(char *table, const struct list *disks, struct operations *sum)
{
    bool counts = false;
    size_t seen = 0;
    for (char *word; (word = strsep(&table, " \n")) != NULL;) {
        bool is_read = strncmp(word, "rios=", 5) == 0;
        if (!is_read && strncmp(word, "wios=", 5) != 0) {
            if (strchr(word, ':') != NULL) counts = list_has(disks, word);
            continue;
        }
        if (!counts) continue;
        uint64_t number, *total = is_read ? &sum->reads : &sum->writes;
        if (!parse_number(word + 5, OPERATIONS_LIMIT, &number) || number > OPERATIONS_LIMIT - *total) return false;
        *total += number;
        seen += is_read;
    }
    return seen == disks->count;
}

static bool count_operations(const char *stat_path, const char *mounts_path, struct operations *sum)
{
    struct list disks = {0};
    char *mounts = read_table(mounts_path);
    char *table = read_table(stat_path);
    bool counted =
        mounts != NULL && table != NULL && find_disks(mounts, &disks) && add_operations(table, &disks, sum);
    free(disks.item);
    free(table);
    free(mounts);
    return counted;
}

/* Elsewhere than in a guest the cgroup is somebody else's: only what was named is read. */
static bool guest_operations(struct operations *sum)
{
    if (life.first) return count_operations("/sys/fs/cgroup/io.stat", "/proc/self/mountinfo", sum);
    char stat_path[PATH_MAX], mounts_path[PATH_MAX];
    const char *folder = getenv("CONTAINR_USAGE_DIR");
    if (folder == NULL || strlen(folder) > PATH_MAX - sizeof "/mountinfo") return false;
    snprintf(stat_path, sizeof stat_path, "%s/io.stat", folder);
    snprintf(mounts_path, sizeof mounts_path, "%s/mountinfo", folder);
    return count_operations(stat_path, mounts_path, sum);
}

static void client_usage(struct client *client)
{
    struct operations sum = {0};
    if (!guest_operations(&sum)) {
        client_say(client, "USAGE\n");
        return;
    }
    client_say(client, "USAGE reads=%" PRIu64 " writes=%" PRIu64 " uptime_ms=%" PRId64 "\n", sum.reads, sum.writes,
               monotonic_ms() - life.booted_at);
}
