/* Words: what a search compares. A word is a run of letters, digits and marks; everything else
 * stands between words. Words are the same when they differ only in case and accents ("Über" and
 * "uber"). This is what SQLite's tokenizer unicode61 does with the options that search_file.c gives
 * it; here it is for those who have no SQLite. */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* The next word of `*rest`, as it is written; `*rest` becomes what follows it. False: there is none
 * left. */
bool search_word_next(struct slice *rest, struct slice *word);

/* Appends the text in the form in which words are compared; not only of a word. */
void search_fold(struct slice text, struct buffer *out);

/* The words of a text in that form, a line feed before and behind each ("\nship\nit\n"); returns
 * how many they are. */
unsigned search_fold_words(struct slice text, struct buffer *out);

/* The form of who signed a message: names as names are compared, labels as words are. */
void search_fold_sender(struct slice sender, struct buffer *out);
