/*
 * The application that is deployed under load: a web server in one static file, for an image FROM scratch.
 *
 *   GET /        the value of VERSION           GET /slow    the same, after 300 ms
 *   GET /events  server-sent events             GET /socket  a WebSocket that echoes
 *   GET /data    what was posted to it so far   POST /data   keeps the body in /data/kept
 *
 * On SIGTERM it takes no more connections, finishes what it has begun, and ends. With a second word it prints it and ends
 * with the third as its code, which makes it a command as well.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static atomic_bool stopping;
static atomic_int running;
static int listener;
static const char *version;

static void stop(int number) {
  (void)number;
  stopping = true;
  shutdown(listener, SHUT_RD);
}

static uint32_t rotate(uint32_t word, int by) { return word << by | word >> (32 - by); }

/* Of at most 119 bytes, which two blocks take. */
static void sha1(const char *text, uint8_t digest[20]) {
  uint8_t block[128] = {0};
  size_t length = strlen(text), size = length < 56 ? 64 : 128;
  memcpy(block, text, length);
  block[length] = 0x80;
  block[size - 2] = (uint8_t)(length * 8 >> 8);
  block[size - 1] = (uint8_t)(length * 8);
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (size_t start = 0; start < size; start += 64) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++) {
      const uint8_t *at = block + start + 4 * i;
      w[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
      uint32_t mix = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                              : (b ^ c ^ d) + 0xca62c1d6;
      uint32_t next = rotate(a, 5) + mix + e + w[i];
      e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t digest[20], char text[29]) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint8_t padded[21] = {0};
  memcpy(padded, digest, 20);
  for (int i = 0; i < 7; i++) {
    uint32_t three = (uint32_t)padded[3 * i] << 16 | (uint32_t)padded[3 * i + 1] << 8 | padded[3 * i + 2];
    for (int j = 0; j < 4; j++) text[4 * i + j] = letters[three >> (18 - 6 * j) & 63];
  }
  strcpy(text + 27, "=");
}

static void answer(FILE *out, const char *body) {
  fprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n%s", strlen(body),
          stopping ? "Connection: close\r\n" : "", body);
  fflush(out);
}

static void sendEvents(FILE *out) {
  fputs("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n", out);
  for (int count = 0; !stopping && fprintf(out, "data: %d\n\n", count) > 0 && fflush(out) == 0; count++) usleep(100000);
}

/* Short frames only, which is all that the load sends. */
static void echo(FILE *in, FILE *out, const char *key) {
  char whole[120], text[29];
  uint8_t digest[20], head[6];
  snprintf(whole, sizeof whole, "%.64s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  sha1(whole, digest);
  base64(digest, text);
  fprintf(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
          text);
  fflush(out);
  while (fread(head, 6, 1, in) == 1 && (head[1] & 127) < 126) {
    uint8_t data[126];
    size_t size = head[1] & 127;
    if (fread(data, 1, size, in) < size) break;
    for (size_t i = 0; i < size; i++) data[i] ^= head[2 + i % 4];
    head[1] = (uint8_t)size;
    fwrite(head, 2, 1, out);
    fwrite(data, 1, size, out);
    fflush(out);
    if ((head[0] & 15) == 8) break;
  }
}

static void *serve(void *given) {
  int connection = (int)(intptr_t)given;
  FILE *in = fdopen(connection, "r"), *out = fdopen(dup(connection), "w");
  char method[8], path[64], line[2048], body[4096];
  while (!stopping && fgets(line, sizeof line, in) && sscanf(line, "%7s %63s", method, path) == 2) {
    running++;
    size_t length = 0;
    char key[65] = "";
    while (fgets(line, sizeof line, in) && line[0] != '\r') {
      if (strncasecmp(line, "content-length:", 15) == 0) length = strtoul(line + 15, NULL, 10);
      if (strncasecmp(line, "sec-websocket-key:", 18) == 0) sscanf(line + 18, "%64s", key);
    }
    if (length >= sizeof body) break;
    body[fread(body, 1, length, in)] = 0;
    if (strcmp(path, "/socket") == 0) {
      running--;
      echo(in, out, key);
      break;
    }
    if (strcmp(path, "/slow") == 0) usleep(300000);
    if (strcmp(path, "/data") == 0) {
      FILE *kept = fopen("/data/kept", length > 0 ? "a" : "r");
      if (kept && length > 0) fputs(body, kept);
      if (kept && length == 0) body[fread(body, 1, sizeof body - 1, kept)] = 0;
      if (kept) fclose(kept);
      answer(out, body);
    } else if (strcmp(path, "/events") == 0) {
      sendEvents(out);
      running--;
      break;
    } else answer(out, version);
    running--;
  }
  fclose(out);
  fclose(in);
  return NULL;
}

int main(int count, char **words) {
  if (count > 2) {
    puts(words[1]);
    return atoi(words[2]);
  }
  version = getenv("VERSION") ? getenv("VERSION") : "no version";
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0) {
    perror("port 8080");
    return 1;
  }
  printf("serving %s\n", version);
  fflush(stdout);
  while (!stopping) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    pthread_t thread;
    if (connection < 0) continue;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)connection) == 0) pthread_detach(thread);
    else close(connection);
  }
  for (int waited = 0; running > 0 && waited < 500; waited++) usleep(10000);
  puts("finished what was begun");
  return 0;
}
