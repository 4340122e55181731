/* The translation of split patterns: a scanner over the constructs that are allowed. */
#include "io/split_pattern.h"

#include "io/unicode_ranges.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

const char pc_gpt2_split_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

enum { MAX_PATTERN_BYTES = 4096, MAX_DEPTH = 16 };

/* What stands before the place that is read: quantifiers and case folding depend on it. */
typedef enum previous_item { NOTHING, SINGLE, GROUP, QUANTIFIED } previous_item;

typedef struct scanner {
    pc_text *out;
    const char *pattern;
    size_t n, at;
    previous_item previous;
    char previous_letter; /* under (?i:, the ASCII letter just read; else 0 */
    bool is_caseless[MAX_DEPTH + 1];
    int depth;
} scanner;

static pc_status refuse(const scanner *s, const char *what)
{
    return pc_fail(PC_ERR_UNSUPPORTED, "split pattern, offset %zu: %s not supported", s->at, what);
}

static char peek(const scanner *s, size_t ahead)
{
    return s->at + ahead < s->n ? s->pattern[s->at + ahead] : 0;
}

static bool starts_with(const scanner *s, const char *words)
{
    size_t length = strlen(words);
    return s->n - s->at >= length && memcmp(s->pattern + s->at, words, length) == 0;
}

static void put_ranges(pc_text *out, const pc_code_point_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pc_text_printf(out, "\\x{%x}-\\x{%x}", (unsigned)ranges[i].first, (unsigned)ranges[i].last);
}

static void put_outside(pc_text *out, const pc_code_point_range *ranges, size_t n)
{
    uint32_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].first > from)
            pc_text_printf(out, "\\x{%x}-\\x{%x}", (unsigned)from, (unsigned)ranges[i].first - 1);
        from = ranges[i].last + 1;
    }
    pc_text_printf(out, "\\x{%x}-\\x{10ffff}", (unsigned)from);
}

/* \s \S \p{L} \P{L} \p{N} \P{N} as the inside of a class; false if something else stands here. */
static bool put_set(scanner *s)
{
    static const struct {
        const char *name;
        const pc_code_point_range *ranges;
        const size_t *n;
        bool is_inside;
    } sets[] = {
        {"\\s", pc_unicode_spaces, &pc_unicode_n_spaces, true},
        {"\\S", pc_unicode_spaces, &pc_unicode_n_spaces, false},
        {"\\p{L}", pc_unicode_letters, &pc_unicode_n_letters, true},
        {"\\P{L}", pc_unicode_letters, &pc_unicode_n_letters, false},
        {"\\p{N}", pc_unicode_numbers, &pc_unicode_n_numbers, true},
        {"\\P{N}", pc_unicode_numbers, &pc_unicode_n_numbers, false},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (!starts_with(s, sets[i].name)) continue;
        if (sets[i].is_inside) put_ranges(s->out, sets[i].ranges, *sets[i].n);
        else put_outside(s->out, sets[i].ranges, *sets[i].n);
        s->at += strlen(sets[i].name);
        return true;
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_punctuation(char c)
{
    return c > ' ' && c < 0x7f && !is_letter(c) && !(c >= '0' && c <= '9');
}

/* One literal character, perhaps escaped, as a code point that PCRE2 reads as \x{...}. */
static pc_status take_literal(uint32_t *code_point, scanner *s)
{
    if (peek(s, 0) != '\\') {
        size_t length = pc_utf8_length(s->pattern + s->at, s->n - s->at);
        if (length == 0) return refuse(s, "a byte that is not UTF-8 is");
        *code_point = pc_utf8_code_point(s->pattern + s->at, length);
        s->at += length;
        return PC_OK;
    }
    char c = peek(s, 1);
    const char *control = c ? strchr("r\rn\nt\t", c) : NULL;
    if (is_punctuation(c)) *code_point = (unsigned char)c;
    else if (control && is_letter(c)) *code_point = (unsigned char)control[1];
    else {
        char what[] = "\\? is";
        what[1] = c > ' ' && c < 0x7f ? c : '?';
        return refuse(s, what);
    }
    s->at += 2;
    return PC_OK;
}

/* Oniguruma folds "ss" to U+00DF, "st" to U+FB06 and so on across characters; PCRE2 does not. */
static pc_status check_caseless(scanner *s, uint32_t code_point)
{
    char before = s->previous_letter;
    s->previous_letter = 0;
    if (!s->is_caseless[s->depth]) return PC_OK;
    if (code_point >= 0x80) return refuse(s, "a character beyond ASCII in (?i: is");
    char letter = is_letter((char)code_point) ? (char)(code_point | 0x20) : 0;
    bool is_long_fold = (before == 's' && (letter == 's' || letter == 't')) ||
                        (before == 'f' && letter && strchr("fil", letter));
    if (is_long_fold) return refuse(s, "ss, st, ff, fi or fl in (?i: is");
    s->previous_letter = letter;
    return PC_OK;
}

static pc_status take_class_item(scanner *s, bool is_first)
{
    if (put_set(s)) {
        if (peek(s, 0) == '-' && peek(s, 1) != ']') return refuse(s, "a range from a set is");
        return PC_OK;
    }
    char c = peek(s, 0);
    if (c == '[') return refuse(s, "[ inside a class is");
    if (c == '&' && peek(s, 1) == '&') return refuse(s, "&& inside a class is");
    if (c == '-' && !is_first && peek(s, 1) != ']') return refuse(s, "a bare - in a class is");
    uint32_t first, last;
    PC_TRY(take_literal(&first, s));
    last = first;
    if (c != '-' && peek(s, 0) == '-' && peek(s, 1) != ']') {
        s->at++;
        if (peek(s, 0) == '[') return refuse(s, "a range to [ is");
        PC_TRY(take_literal(&last, s));
        if (last < first) return refuse(s, "a range that runs backwards is");
    }
    if (s->is_caseless[s->depth] && (first >= 0x80 || last >= 0x80))
        return refuse(s, "a character beyond ASCII in (?i: is");
    pc_text_printf(s->out, "\\x{%x}-\\x{%x}", (unsigned)first, (unsigned)last);
    return PC_OK;
}

static pc_status take_class(scanner *s)
{
    bool is_negated = peek(s, 1) == '^';
    if (is_negated && s->is_caseless[s->depth]) return refuse(s, "[^ in (?i: is");
    s->at += is_negated ? 2 : 1;
    pc_text_put(s->out, is_negated ? "[^" : "[");
    if (peek(s, 0) == ']') return refuse(s, "an empty class is");
    for (bool is_first = true; peek(s, 0) != ']'; is_first = false) {
        if (s->at >= s->n) return refuse(s, "a class without its ] is");
        PC_TRY(take_class_item(s, is_first));
    }
    s->at++;
    pc_text_put(s->out, "]");
    s->previous = SINGLE;
    s->previous_letter = 0;
    return PC_OK;
}

static pc_status take_opening(scanner *s)
{
    static const char *const openings[] = {"(?:", "(?i:", "(?!", "(?="};
    const char *opening = "(";
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        if (starts_with(s, openings[i])) opening = openings[i];
    if (peek(s, 1) == '?' && !opening[1]) return refuse(s, "this kind of group is");
    if (s->depth == MAX_DEPTH) return refuse(s, "a group this deep is");
    pc_text_put(s->out, opening);
    s->at += strlen(opening);
    s->depth++;
    s->is_caseless[s->depth] = s->is_caseless[s->depth - 1] || strcmp(opening, "(?i:") == 0;
    s->previous = NOTHING;
    return PC_OK;
}

static pc_status take_closing(scanner *s)
{
    if (s->depth == 0) return refuse(s, ") without ( is");
    s->depth--;
    s->at++;
    pc_text_put(s->out, ")");
    s->previous = GROUP;
    return PC_OK;
}

/* ? * + , each possibly with ? (lazy) or + (possessive) behind it. A repeated group could take
 * exponential time; only an optional one is let through. */
static pc_status take_quantifier(scanner *s)
{
    char c = peek(s, 0);
    if (s->previous == NOTHING || s->previous == QUANTIFIED)
        return refuse(s, "a quantifier in this place is");
    if (s->previous == GROUP && c != '?') return refuse(s, "a repeated group is");
    pc_text_put_bytes(s->out, &c, 1);
    s->at++;
    c = peek(s, 0);
    if (c == '?' || c == '+') {
        pc_text_put_bytes(s->out, &c, 1);
        s->at++;
    }
    s->previous = QUANTIFIED;
    return PC_OK;
}

/* {n}, {n,} and {n,m} with numbers up to 999. */
static pc_status take_count(scanner *s)
{
    char count[16];
    size_t length = 1;
    while (length < 9 && peek(s, length) && strchr("0123456789,", peek(s, length)))
        length++;
    int low = -1, high = -1, end = 0;
    memcpy(count, s->pattern + s->at, length < s->n - s->at ? length + 1 : length);
    count[length < s->n - s->at ? length + 1 : length] = 0;
    bool is_count = s->previous == SINGLE && peek(s, length) == '}';
    if (is_count && sscanf(count, "{%3d}%n", &low, &end) == 1 && end > 0) high = low;
    else if (is_count && sscanf(count, "{%3d,}%n", &low, &end) == 1 && end > 0) high = 999;
    else if (!is_count || sscanf(count, "{%3d,%3d}%n", &low, &high, &end) != 2 || end == 0)
        return refuse(s, "this { is");
    if (low > high || high == 0) return refuse(s, "this { is");
    char next = peek(s, length + 1);
    if (next == '?' || next == '+') return refuse(s, "? or + behind a count is");
    pc_text_put(s->out, count);
    s->at += length + 1;
    s->previous = QUANTIFIED;
    return PC_OK;
}

static pc_status take_character(scanner *s)
{
    if (starts_with(s, "\\s") || starts_with(s, "\\S") || starts_with(s, "\\p") ||
        starts_with(s, "\\P")) {
        pc_text_put(s->out, "[");
        if (!put_set(s)) return refuse(s, "this property is");
        pc_text_put(s->out, "]");
        s->previous_letter = 0;
    } else {
        uint32_t code_point;
        PC_TRY(take_literal(&code_point, s));
        PC_TRY(check_caseless(s, code_point));
        pc_text_printf(s->out, "\\x{%x}", (unsigned)code_point);
    }
    s->previous = SINGLE;
    return PC_OK;
}

static pc_status take_item(scanner *s)
{
    switch (peek(s, 0)) {
    case '|':
        s->at++;
        pc_text_put(s->out, "|");
        s->previous = NOTHING;
        s->previous_letter = 0;
        return PC_OK;
    case '[':
        return take_class(s);
    case '(':
        return take_opening(s);
    case ')':
        return take_closing(s);
    case '?':
    case '*':
    case '+':
        return take_quantifier(s);
    case '{':
        return take_count(s);
    case '^':
    case '$':
        return refuse(s, "an anchor is");
    case '.':
        return refuse(s, "an unescaped . is");
    case ']':
    case '}':
        return refuse(s, "a bracket without its opening is");
    default:
        return take_character(s);
    }
}

pc_status pc_split_pattern_translate(pc_text *out, const char *pattern, size_t n)
{
    scanner s = {.out = out, .pattern = pattern, .n = n};
    if (n > MAX_PATTERN_BYTES)
        return pc_fail(PC_ERR_UNSUPPORTED, "split pattern: %zu bytes, supported are at most %d", n,
                       MAX_PATTERN_BYTES);
    while (s.at < n)
        PC_TRY(take_item(&s));
    if (s.depth > 0) return refuse(&s, "a group without its ) is");
    return pc_text_status(out);
}
