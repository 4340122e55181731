/* Names of arguments as programs have them. */
#include "io/task_words.h"

const char *const pc_words_arguments[] = {
    "data",    "name",     "file",     "value",   "test",     "result",  "line",    "user",
    "key",     "default",  "request",  "path",    "output",   "node",    "item",    "url",
    "model",   "response", "text",     "version", "log",      "string",  "field",   "start",
    "number",  "values",   "sub",      "index",   "error",    "current", "context", "image",
    "message", "json",     "size",     "event",   "state",    "row",     "parser",  "end",
    "files",   "form",     "query",    "fields",  "instance", "label",   "action",  "target",
    "array",   "code",     "num",      "source",  "config",   "first",   "options", "update",
    "module",  "status",   "group",    "content", "client",   "results", "command", "base",
    "format",  "color",    "settings", "order",   "count",    "match",   "tag",     "title",
    "parent",  "call",     "session",  "token",   "server",   "host",    "date",    "mode",
    "project", "info",     "page",     "option",  "task",     "shape",   "load",    "port",
    "root",    "frame",    "limit",    "buffer",  "offset",   "width",   "height",  "depth",
    NULL};
