/* Places, things, people, events, and what is said of them. */
#include "io/task_words.h"

const char *const pc_words_places[] = {
    "store",   "garden",  "restaurant", "school", "hospital", "office", "house",
    "station", "park",    "beach",      "market", "library",  "museum", "church",
    "hotel",   "theater", "bank",       "farm",   "lake",     "bar",    "zoo",
    "mall",    "club",    "river",      "castle", "village",  "bridge", "cafe",
    "gym",     "port",    "factory",    "prison", NULL};

/* None begins with a vowel: "a" stands before them. */
const char *const pc_words_objects[] = {
    "ring",   "kiss",   "bone",   "basketball", "computer", "necklace", "drink", "snack", "book",
    "letter", "ticket", "key",    "flower",     "phone",    "camera",   "hat",   "coat",  "watch",
    "card",   "gift",   "map",    "bottle",     "box",      "toy",      "knife", "lamp",  "coin",
    "cup",    "shirt",  "guitar", "photo",      "bag",      NULL};

/* Nor these. */
const char *const pc_words_adjectives[] = {
    "great",   "good",    "nice",     "kind",      "smart",   "brave",  "funny",
    "strong",  "bright",  "clever",   "careful",   "gentle",  "loyal",  "polite",
    "quiet",   "wise",    "fine",     "special",   "serious", "clear",  "generous",
    "patient", "busy",    "famous",   "happy",     "lucky",   "modest", "proud",
    "popular", "strange", "talented", "wonderful", NULL};

const char *const pc_words_people[] = {
    "friend",   "teacher", "doctor",  "student", "writer",  "singer", "player",
    "neighbor", "lawyer",  "driver",  "leader",  "artist",  "cook",   "dancer",
    "painter",  "worker",  "speaker", "partner", "manager", "reader", NULL};

/* Singular and plural. */
/* clang-format off */
const char *const pc_words_nouns[] = {
    "key", "keys", "author", "authors", "boy", "boys", "girl", "girls", "teacher", "teachers",
    "doctor", "doctors", "student", "students", "book", "books", "car", "cars", "dog", "dogs",
    "cat", "cats", "picture", "pictures", "door", "doors", "window", "windows", "table", "tables",
    "chair", "chairs", "house", "houses", "tree", "trees", "flower", "flowers", "letter", "letters",
    "bird", "birds", "horse", "horses", "ship", "ships", "boat", "boats", "king", "kings",
    "soldier", "soldiers", "officer", "officers", "manager", "managers", "lawyer", "lawyers",
    "farmer", "farmers", "driver", "drivers", "player", "players", "singer", "singers",
    "painter", "painters", "building", "buildings", "bridge", "bridges", "river", "rivers",
    "school", "schools", "machine", "machines", "computer", "computers", "phone", "phones",
    "desk", "desks", "box", "boxes", "bottle", "bottles", "plate", "plates", "cup", "cups",
    "lamp", "lamps", "stone", "stones", "ring", "rings", "coat", "coats", "shirt", "shirts",
    "hat", "hats", "report", "reports", "song", "songs", "story", "stories", "animal", "animals",
    "wall", "walls", "road", "roads", "hill", "hills", "field", "fields", "garden", "gardens",
    "store", "stores", "engine", "engines", "nurse", "nurses", "pilot", "pilots",
    "artist", "artists", "friend", "friends", "brother", "brothers", "sister", "sisters",
    "actor", "actors", "writer", "writers", "guard", "guards", "guest", "guests",
    "customer", "customers", "judge", "judges", "worker", "workers", "child", "children",
    "plant", "plants", "camera", "cameras", "bag", "bags", "clock", "clocks", "screen", "screens",
    "truck", "trucks", "train", "trains", "wheel", "wheels",
    NULL};
/* clang-format on */

const char *const pc_words_events[] = {
    "war",          "conflict",   "siege",      "campaign",   "rebellion",
    "dispute",      "trial",      "project",    "expedition", "voyage",
    "journey",      "reign",      "occupation", "famine",     "plague",
    "epidemic",     "marriage",   "friendship", "alliance",   "treaty",
    "program",      "study",      "tour",       "operation",  "investigation",
    "construction", "dynasty",    "rivalry",    "drought",    "crisis",
    "partnership",  "contract",   "plan",       "quest",      "strike",
    "pursuit",      "revolution", "invasion",   "exile",      "boom",
    "truce",        "migration",  NULL};

const char *const pc_words_topics[] = {
    "price",    "control", "nation",  "cost",     "issue",    "process",  "position", "course",
    "research", "subject", "age",     "force",    "river",    "matter",   "health",   "street",
    "class",    "mind",    "paper",   "bank",     "section",  "table",    "building", "team",
    "language", "town",    "product", "practice", "ground",   "letter",   "game",     "food",
    "role",     "land",    "art",     "support",  "stage",    "trade",    "voice",    "history",
    "account",  "care",    "record",  "training", "window",   "air",      "light",    "quality",
    "rule",     "story",   "tax",     "nature",   "hospital", "method",   "unit",     "wall",
    "music",    "pattern", "design",  "piece",    "tree",     "pressure", "fire",     "analysis",
    NULL};

const char *const pc_words_digits[] = {
    "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14",
    "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29",
    "30", "31", "32", "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44",
    "45", "46", "47", "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59",
    "60", "61", "62", "63", "64", "65", "66", "67", "68", "69", "70", "71", "72", "73", "74",
    "75", "76", "77", "78", "79", "80", "81", "82", "83", "84", "85", "86", "87", "88", "89",
    "90", "91", "92", "93", "94", "95", "96", "97", "98", "99", NULL};
