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

static uint32_t rotate_left(uint32_t word, int by)
{
    return word << by | word >> (32 - by);
}

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b, *d = rotate_left(*d ^ *a, 16);
    *c += *d, *b = rotate_left(*b ^ *c, 12);
    *a += *b, *d = rotate_left(*d ^ *a, 8);
    *c += *d, *b = rotate_left(*b ^ *c, 7);
}

static uint32_t little_endian(const uint8_t *byte)
{
    return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

/* Encrypts and decrypts: ChaCha20 as in RFC 8439, from block 0 on, with the first 12 bytes of the tag as its nonce. */
static void cipher_apply(const uint8_t key[KEY_SIZE], const uint8_t tag[TAG_SIZE], char *bytes, size_t size)
{
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (int i = 0; i < 8; i++) state[4 + i] = little_endian(key + 4 * i);
    for (int i = 0; i < 3; i++) state[13 + i] = little_endian(tag + 4 * i);
    uint32_t block[16];
    for (size_t at = 0; at < size; at += sizeof state, state[12]++) {
        memcpy(block, state, sizeof block);
        for (int round = 0; round < 20; round++) /* columns, then diagonals */
            for (int i = 0, shift = round % 2; i < 4; i++)
                quarter_round(&block[i], &block[4 + (i + shift) % 4], &block[8 + (i + 2 * shift) % 4],
                              &block[12 + (i + 3 * shift) % 4]);
        for (size_t i = 0; i < smaller(size - at, sizeof block); i++)
            bytes[at + i] ^= (char)((block[i / 4] + state[i / 4]) >> (8 * (i % 4)));
    }
    explicit_bzero(state, sizeof state);
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
