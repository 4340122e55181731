/* How the figures look: sizes in points, colours as 0xRRGGBB.
 *
 * Sign is hue: dark blue for positive, light orange for negative, which people with any common
 * colour blindness tell apart and which differ in brightness in grey print. */
#ifndef PC_GRAPH_DRAW_STYLE_H
#define PC_GRAPH_DRAW_STYLE_H

enum {
    PC_COLOUR_POSITIVE = 0x14508c,
    PC_COLOUR_NEGATIVE = 0xe8861a,
    PC_COLOUR_NEGATIVE_TEXT = 0xa34f00,
    PC_COLOUR_ONLY_A = 0x3b82c4, /* between the other two in brightness */
    PC_COLOUR_UNMEASURED = 0x888888,
    PC_COLOUR_TEXT = 0x1f2328,
    PC_COLOUR_QUIET = 0x6b7280,
    PC_COLOUR_PRUNED = 0xdfe2e6,
    PC_COLOUR_PRUNED_TEXT = 0xb3b9c1,
    PC_COLOUR_BAND = 0xf7f8fa,
    PC_COLOUR_PAPER = 0xffffff,
    PC_COLOUR_BOX = 0xffffff,
    PC_COLOUR_BOX_LINE = 0x3b4350,
    PC_COLOUR_ROLE = 0x4b5563
};

enum {
    PC_MARGIN = 24,
    PC_BOX_WIDTH = 62,
    PC_BOX_MAX_WIDTH = 118,
    PC_BOX_HEIGHT = 22,
    PC_ROLE_HEIGHT = 11,
    PC_PILL_WIDTH = 24,
    PC_PILL_HEIGHT = 14,
    PC_PORT_WIDTH = 13,
    PC_PORT_HEIGHT = 10,
    PC_LANE_WIDTH = 5,
    PC_MAX_STROKE = 6
};

#define PC_TITLE_SIZE 18.0
#define PC_NAME_SIZE 11.0
#define PC_ROLE_SIZE 8.0
#define PC_SMALL_SIZE 9.5

#endif
