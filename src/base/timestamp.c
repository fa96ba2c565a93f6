#include "base/timestamp.h"

#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY 86400
#define TIMESTAMP_MAX INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */

struct date {
    unsigned year, month, day;
};

/* Proleptic Gregorian calendar in whole numbers. Counted in eras of 400 years and in years that
 * begin in March, so that the leap day is the last of its year (Howard Hinnant,
 * "chrono-compatible low-level date algorithms"). */
static struct date date_of_day(unsigned days_since_1970) {
    unsigned days = days_since_1970 + 719468; /* since 0000-03-01 */
    unsigned era = days / 146097;
    unsigned day_of_era = days % 146097;
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    return (struct date){
        .year = era * 400 + year_of_era + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

static char *put_digits(char *to, unsigned value, unsigned digits) {
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

static char *put_field(char *to, unsigned value, unsigned digits, char separator) {
    to = put_digits(to, value, digits);
    *to = separator;
    return to + 1;
}

void timestamp_format(int64_t timestamp_us, char *text) {
    /* Times outside the range can come from a broken clock or file; they must not break the
     * form. */
    if (timestamp_us < 0) {
        timestamp_us = 0;
    } else if (timestamp_us > TIMESTAMP_MAX) {
        timestamp_us = TIMESTAMP_MAX;
    }
    int64_t seconds = timestamp_us / US_PER_SECOND;
    unsigned second_of_day = (unsigned)(seconds % SECONDS_PER_DAY);
    struct date date = date_of_day((unsigned)(seconds / SECONDS_PER_DAY));

    text = put_field(text, date.year, 4, '-');
    text = put_field(text, date.month, 2, '-');
    text = put_field(text, date.day, 2, 'T');
    text = put_field(text, second_of_day / 3600, 2, ':');
    text = put_field(text, second_of_day / 60 % 60, 2, ':');
    text = put_field(text, second_of_day % 60, 2, '.');
    text = put_field(text, (unsigned)(timestamp_us % US_PER_SECOND), 6, 'Z');
    *text = '\0';
}

void buffer_append_timestamp(struct buffer *buffer, int64_t timestamp_us) {
    timestamp_format(timestamp_us, buffer_reserve(buffer, TIMESTAMP_LENGTH + 1));
    buffer_commit(buffer, TIMESTAMP_LENGTH);
}
