/* Predictor-1 (RFC 1978). Its memory: 64 KiB of guesses and a few bytes, in either direction. */
#ifndef GREYLINE_PREDICTOR_H
#define GREYLINE_PREDICTOR_H

#include "codec.h"

extern const struct codec_ops predictor_codec;

#endif
