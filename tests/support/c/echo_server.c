// An echo server with the mistake that is named, with a thread for each client:
//
//     cc -pthread -o echo_server tests/support/c/echo_server.c && ./echo_server MISTAKE PORT
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *mistake;
static char shared[65536];

static int is(const char *name) { return strcmp(mistake, name) == 0; }

static void *serve(void *argument) {
  int conn = (int)(intptr_t)argument;
  char own[65536];
  char *buffer = is("shares-its-buffer") ? shared : own;
  ssize_t n;
  int flags = is("waits-for-all") ? MSG_WAITALL : 0;
  size_t room = is("waits-for-all") ? 1024 : sizeof own - 1;
  while ((n = recv(conn, buffer, room, flags)) > 0) {
    size_t length = (size_t)n;
    if (is("uses-strlen")) {
      buffer[n] = 0;
      length = strlen(buffer);
    }
    if (is("sends-the-whole-buffer")) length = sizeof own;
    if (is("writes-once")) {
      send(conn, buffer, length, MSG_NOSIGNAL | MSG_DONTWAIT);
      continue;
    }
    for (size_t sent = 0; sent < length;) {
      ssize_t more = send(conn, buffer + sent, length - sent, MSG_NOSIGNAL);
      if (more < 0) {
        n = more;
        goto end;
      }
      sent += (size_t)more;
    }
    if (is("crashes") && length > 1000) abort();
  }
end:
  if (n < 0 && is("dies-of-sigpipe")) send(conn, buffer, 1, 0); // without the flag
  close(conn);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  mistake = argv[1];
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) return 1;
  if (listen(listener, 1000) < 0) return 1;
  for (;;) {
    int conn = accept(listener, NULL, NULL);
    if (conn < 0) continue;
    if (is("serves-one-at-a-time")) {
      serve((void *)(intptr_t)conn);
      continue;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)conn) == 0) pthread_detach(thread);
    else close(conn);
  }
}
