/* A 32-bit Windows program: Winsock, HTTP/1.0 and the ANSI charset of a Chinese Windows (GBK), no library besides.
 * The line protocol is that of lines.py; JSON goes through as it is. */

#include <winsock2.h>
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHINESE 936
/* Of the Connect protocol: flags and length. */
#define HEAD_LENGTH 5
#define END 2

struct bytes {
    char *at;
    size_t length;
};

static void die(const char *what) {
    fprintf(stderr, "winsock: %s, error %lu\n", what, GetLastError());
    exit(1);
}

static void add(struct bytes *to, const void *more, size_t length) {
    to->at = realloc(to->at, to->length + length + 1);
    if (!to->at) die("no memory");
    memcpy(to->at + to->length, more, length);
    to->length += length;
    to->at[to->length] = 0;
}

static void add_text(struct bytes *to, const char *text) {
    add(to, text, strlen(text));
}

/* A charset has no question marks for what it lacks: that ends the program. */
static struct bytes recode(const char *text, size_t length, UINT from, UINT to) {
    struct bytes done = {NULL, 0};
    BOOL lacks = FALSE;
    int wide_length = MultiByteToWideChar(from, MB_ERR_INVALID_CHARS, text, (int)length, NULL, 0);
    wchar_t *wide = malloc((wide_length + 1) * sizeof *wide);
    if (!wide || (length && !wide_length)) die("not a text of its charset");
    MultiByteToWideChar(from, 0, text, (int)length, wide, wide_length);
    done.length = WideCharToMultiByte(to, 0, wide, wide_length, NULL, 0, NULL, to == CP_UTF8 ? NULL : &lacks);
    done.at = calloc(done.length + 1, 1);
    if (!done.at || lacks) die("a character that the charset lacks");
    WideCharToMultiByte(to, 0, wide, wide_length, done.at, (int)done.length, NULL, NULL);
    free(wide);
    return done;
}

static SOCKET reach(void) {
    const char *url = getenv("YIBAO_URL");
    struct sockaddr_in address = {0};
    unsigned port;
    SOCKET line = socket(AF_INET, SOCK_STREAM, 0);
    if (!url || sscanf(url, "http://127.0.0.1:%u", &port) != 1) die("YIBAO_URL is not http://127.0.0.1:PORT");
    address.sin_family = AF_INET;
    address.sin_port = htons((u_short)port);
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (connect(line, (struct sockaddr *)&address, sizeof address)) die("it does not listen");
    return line;
}

static void post(SOCKET line, const char *path, const char *content, const struct bytes *body) {
    char length[64];
    struct bytes request = {NULL, 0};
    size_t sent = 0;
    add_text(&request, "POST /");
    add_text(&request, path);
    add_text(&request, " HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ");
    add_text(&request, getenv("YIBAO_TOKEN"));
    add_text(&request, "\r\nContent-Type: ");
    add_text(&request, content);
    snprintf(length, sizeof length, "; charset=gbk\r\nContent-Length: %u\r\n\r\n", (unsigned)body->length);
    add_text(&request, length);
    add(&request, body->at, body->length);
    while (sent < request.length) {
        int some = send(line, request.at + sent, (int)(request.length - sent), 0);
        if (some <= 0) die("it takes no request");
        sent += some;
    }
    free(request.at);
}

/* Adds what comes; 0 at the end. */
static int more(SOCKET line, struct bytes *answer) {
    char some[4096];
    int got = recv(line, some, sizeof some, 0);
    if (got < 0) die("the line broke");
    add(answer, some, got);
    return got;
}

/* Where the body begins, once the head is there; the number of HTTP. */
static const char *body_of(const struct bytes *answer, int *number) {
    const char *end = answer->at ? strstr(answer->at, "\r\n\r\n") : NULL;
    if (!end) return NULL;
    if (sscanf(answer->at, "HTTP/%*s %d", number) != 1) die("that is not HTTP");
    return end + 4;
}

static void say(const char *verb, const char *json, size_t length) {
    struct bytes told = recode(json, length, CHINESE, CP_UTF8);
    printf("%s ", verb);
    fwrite(told.at, 1, told.length, stdout);
    printf("\n");
    fflush(stdout);
    free(told.at);
}

static void call(const char *path, const struct bytes *body) {
    struct bytes answer = {NULL, 0};
    int number = 0;
    const char *told;
    SOCKET line = reach();
    post(line, path, "application/json", body);
    while (more(line, &answer)) {
    }
    closesocket(line);
    told = body_of(&answer, &number);
    if (!told) die("an answer without a head");
    say(number == 200 ? "answer" : "refused", told, answer.at + answer.length - told);
    free(answer.at);
}

/* The answers of a stream until it ends or `max` have come; what it ends with is {} or {"error":{...}}. */
static void stream(const char *path, const struct bytes *body, int max) {
    static const char error[] = "{\"error\":";
    struct bytes request = {NULL, 0}, answer = {NULL, 0}, answers = {NULL, 0};
    unsigned char head[HEAD_LENGTH] = {0, body->length >> 24, body->length >> 16, body->length >> 8, body->length};
    const unsigned char *next;
    size_t taken = 0, length;
    int number = 0, count = 0;
    SOCKET line = reach();
    add(&request, head, sizeof head);
    add(&request, body->at, body->length);
    post(line, path, "application/connect+json", &request);
    add_text(&answers, "[");
    while (count < max) {
        const char *begin = body_of(&answer, &number);
        size_t here = begin ? answer.at + answer.length - begin - taken : 0;
        next = (const unsigned char *)begin + taken;
        length = here < HEAD_LENGTH ? 0
            : (size_t)next[1] << 24 | (size_t)next[2] << 16 | (size_t)next[3] << 8 | next[4];
        if (here < HEAD_LENGTH || here < HEAD_LENGTH + length) {
            if (!more(line, &answer)) die("a stream without an end");
            continue;
        }
        taken += HEAD_LENGTH + length;
        if (next[0] == END) break;
        if (count++) add_text(&answers, ",");
        add(&answers, next + HEAD_LENGTH, length);
    }
    closesocket(line);
    add_text(&answers, "]");
    if (count < max && !strncmp((const char *)next + HEAD_LENGTH, error, sizeof error - 1))
        say("refused", (const char *)next + HEAD_LENGTH + sizeof error - 1, length - sizeof error);
    else
        say("answers", answers.at, answers.length);
    free(request.at);
    free(answer.at);
    free(answers.at);
}

/* The next line without its end; none at the end. */
static char *next_line(void) {
    struct bytes line = {NULL, 0};
    int one;
    while ((one = getchar()) != EOF && one != '\n') {
        char byte = (char)one;
        add(&line, &byte, 1);
    }
    return line.at;
}

int main(void) {
    WSADATA winsock;
    char *line;
    if (WSAStartup(MAKEWORD(1, 1), &winsock)) die("no Winsock");
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
    if (!getenv("YIBAO_TOKEN")) die("YIBAO_TOKEN is missing");
    while ((line = next_line())) {
        char path[200];
        int max = 0, read = 0;
        struct bytes body;
        if (sscanf(line, "stream %d %199s %n", &max, path, &read) != 2 && sscanf(line, "call %199s %n", path, &read) != 1)
            die("a line that is no call");
        body = recode(line + read, strlen(line + read), CP_UTF8, CHINESE);
        if (max)
            stream(path, &body, max);
        else
            call(path, &body);
        free(body.at);
        free(line);
    }
    return 0;
}
