/*
 * Opens an encrypted CONTAINR_CONFIG, "2.UID.BASE64" with BASE64 of TAG | CIPHERTEXT; README.md says how it is made and why.
 *
 * The image's archive brings the key of the installation. At the first start it is replaced by the one that is derived for this
 * guest, before anything of the image runs: what root in a guest can read opens that guest's configuration and no other.
 */

#define KEY_FILE "/.containr/key"

enum { KEY_SIZE = SHA256_SIZE, TAG_SIZE = SHA256_SIZE, UID_LIMIT = 64 };

static void derive_key(const uint8_t key[KEY_SIZE], const char *purpose, uint8_t derived[KEY_SIZE])
{
    hmac_sha256(key, KEY_SIZE, purpose, strlen(purpose), derived);
}

/* Encrypts and decrypts: block N of what is added is the HMAC of TAG | N. */
static void cipher_apply(const uint8_t key[KEY_SIZE], const uint8_t tag[TAG_SIZE], char *bytes, size_t size)
{
    uint8_t message[TAG_SIZE + 4], block[SHA256_SIZE];
    memcpy(message, tag, TAG_SIZE);
    for (size_t at = 0; at < size; at += sizeof block) {
        uint32_t number = htonl((uint32_t)(at / sizeof block));
        memcpy(message + TAG_SIZE, &number, sizeof number);
        hmac_sha256(key, KEY_SIZE, message, sizeof message, block);
        for (size_t i = 0; i < smaller(size - at, sizeof block); i++) bytes[at + i] ^= (char)block[i];
    }
    explicit_bzero(block, sizeof block);
}

/* Decrypts in place; false, and all as it was, when this is not the key or not a byte-for-byte copy. */
static bool open_with(const uint8_t key[KEY_SIZE], const uint8_t tag[TAG_SIZE], char *bytes, size_t size)
{
    uint8_t cipher_key[KEY_SIZE], tag_key[KEY_SIZE], right[TAG_SIZE];
    derive_key(key, "cipher", cipher_key);
    derive_key(key, "tag", tag_key);
    cipher_apply(cipher_key, tag, bytes, size);
    hmac_sha256(tag_key, KEY_SIZE, bytes, size, right);
    unsigned different = 0;
    for (size_t i = 0; i < TAG_SIZE; i++) different |= (unsigned)(tag[i] ^ right[i]);
    if (different != 0) cipher_apply(cipher_key, tag, bytes, size);
    explicit_bzero(cipher_key, sizeof cipher_key);
    explicit_bzero(tag_key, sizeof tag_key);
    return different == 0;
}

static bool read_key(const char *path, uint8_t key[KEY_SIZE])
{
    char *text = path == NULL ? NULL : read_file(path);
    if (text == NULL) return false;
    bool whole = strlen(text) == 2 * KEY_SIZE + 1 && text[2 * KEY_SIZE] == '\n';
    for (size_t i = 0; whole && i < KEY_SIZE; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        whole = high >= 0 && low >= 0;
        key[i] = (uint8_t)(high << 4 | low);
    }
    explicit_bzero(text, strlen(text));
    free(text);
    return whole;
}

/* At every moment the file holds one of the two keys, whole. */
static bool replace_key(const char *path, const uint8_t key[KEY_SIZE])
{
    char fresh[PATH_MAX], text[2 * KEY_SIZE + 2];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) return false;
    hex_encode(key, KEY_SIZE, text);
    text[2 * KEY_SIZE] = '\n';
    unlink(fresh);
    int file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    bool written = file >= 0 && write_all(file, text, 2 * KEY_SIZE + 1) && fsync(file) == 0;
    int error = errno;
    if (file >= 0) close(file);
    explicit_bzero(text, sizeof text);
    errno = error;
    return written && rename(fresh, path) == 0;
}

/* `text` is what follows the "2."; `bytes` needs room for three quarters of it. NULL, or what is wrong. */
static const char *sealed_open(const char *text, const char *path, char *bytes, size_t *size)
{
    uint8_t key[KEY_SIZE], own[KEY_SIZE], tag[TAG_SIZE];
    char purpose[sizeof "guest " + UID_LIMIT];
    const char *dot = strchr(text, '.');
    if (dot == NULL || dot - text > UID_LIMIT) return "it does not say which guest it is for";
    if (!base64_decode(dot + 1, bytes, size) || *size < TAG_SIZE) return "it is cut off, or not base64";
    if (!read_key(path, key)) return "it is encrypted, and there is no key in " KEY_FILE;
    snprintf(purpose, sizeof purpose, "guest %.*s", (int)(dot - text), text);
    derive_key(key, purpose, own);

    *size -= TAG_SIZE;
    memcpy(tag, bytes, TAG_SIZE);
    memmove(bytes, bytes + TAG_SIZE, *size);
    const char *problem = NULL;
    if (open_with(own, tag, bytes, *size)) {
        if (!replace_key(path, own))
            complain("cannot replace %s (%s): who is root in this guest can read the key of the installation", path,
                     strerror(errno));
    } else if (!open_with(key, tag, bytes, *size)) {
        problem = "it was changed, or encrypted for another guest or with another key than that in " KEY_FILE;
    }
    explicit_bzero(key, sizeof key);
    explicit_bzero(own, sizeof own);
    return problem;
}
