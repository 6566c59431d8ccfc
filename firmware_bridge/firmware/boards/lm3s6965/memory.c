/* What a compiler asks for even where there is no library. */
#include <stddef.h>

void *memset(void *to, int value, size_t count);
void *memcpy(void *restrict to, const void *restrict from, size_t count);

void *memset(void *to, int value, size_t count)
{
    unsigned char *at = to;

    while (count-- > 0) {
        *at++ = (unsigned char)value;
    }
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    unsigned char *at = to;
    const unsigned char *next = from;

    while (count-- > 0) {
        *at++ = *next++;
    }
    return to;
}
