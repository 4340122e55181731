/* First names and surnames. */
#include "io/task_words.h"

const char *const pc_words_women[] = {
    "Mary",      "Sarah",    "Anna",      "Emily",     "Jessica",  "Laura",     "Rachel",
    "Lisa",      "Jennifer", "Michelle",  "Elizabeth", "Alice",    "Julia",     "Emma",
    "Kate",      "Amy",      "Susan",     "Linda",     "Karen",    "Nancy",     "Helen",
    "Margaret",  "Barbara",  "Sandra",    "Ashley",    "Amanda",   "Melissa",   "Rebecca",
    "Stephanie", "Nicole",   "Christine", "Catherine", "Victoria", "Hannah",    "Samantha",
    "Katherine", "Maria",    "Diana",     "Sophie",    "Olivia",   "Charlotte", "Claire",
    "Eva",       "Grace",    "Lucy",      "Ellen",     "Julie",    "Heather",   "Megan",
    "Angela",    "Patricia", "Anne",      "Jane",      "Ruth",     "Rose",      "Martha",
    "Natalie",   "Vanessa",  "Monica",    "Teresa",    "Caroline", "Chloe",     "Joan",
    "Amber",     "Molly",    "Holly",     "Betty",     "Donna",    "Carol",     "Judith",
    "Sally",     "Tina",     NULL};

const char *const pc_words_men[] = {
    "John",   "James",   "Robert",   "Michael",  "William", "David",   "Richard",  "Joseph",
    "Thomas", "Charles", "Daniel",   "Matthew",  "Anthony", "Mark",    "Steven",   "Paul",
    "Andrew", "Kevin",   "Brian",    "George",   "Edward",  "Peter",   "Jason",    "Jeffrey",
    "Ryan",   "Jacob",   "Gary",     "Nicholas", "Eric",    "Stephen", "Jonathan", "Scott",
    "Justin", "Brandon", "Benjamin", "Samuel",   "Frank",   "Gregory", "Patrick",  "Jack",
    "Dennis", "Aaron",   "Adam",     "Nathan",   "Henry",   "Douglas", "Kyle",     "Simon",
    "Tom",    "Arthur",  "Roger",    "Luke",     "Martin",  "Philip",  "Carl",     "Alan",
    "Louis",  "Walter",  "Harry",    "Ian",      "Sean",    "Max",     "Oliver",   "Evan",
    "Fred",   "Neil",    "Bruce",    "Victor",   "Howard",  "Ralph",   "Keith",    "Connor",
    NULL};

const char *const pc_words_surnames[] = {
    "Smith",    "Johnson",  "Williams", "Brown",   "Jones",    "Miller",  "Davis",   "Wilson",
    "Anderson", "Taylor",   "Moore",    "Jackson", "Thompson", "White",   "Harris",  "Clark",
    "Lewis",    "Robinson", "Walker",   "Young",   "Allen",    "King",    "Wright",  "Hill",
    "Green",    "Baker",    "Nelson",   "Carter",  "Mitchell", "Roberts", "Turner",  "Phillips",
    "Campbell", "Parker",   "Evans",    "Edwards", "Collins",  "Stewart", "Morris",  "Murphy",
    "Cook",     "Rogers",   "Morgan",   "Cooper",  "Peterson", "Reed",    "Bailey",  "Bell",
    "Kelly",    "Ward",     "Cox",      "Gray",    "Watson",   "Brooks",  "Bennett", "Wood",
    "Ross",     "Hughes",   "Price",    "Myers",   "Long",     "Foster",  "Powell",  "Russell",
    NULL};
