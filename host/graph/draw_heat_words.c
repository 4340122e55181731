/* What is said around a heat map: title and caption. */
#include "graph/draw_heat.h"

#include "graph/draw.h"
#include "graph/draw_pen.h"
#include "graph/draw_style.h"

#include <math.h>
#include <string.h>

static const double title_size = 15;

static const char *metric_of(const pc_circuit *run)
{
    const char *metric = pc_circuit_option(run, "metric");
    return metric ? metric : "?";
}

static void put_name(pc_text *out, const char *name)
{
    pc_text_put_fitting(out, name, title_size, 260);
}

double pc_draw_heat_title(pc_figure *figure, const pc_heat_map *map)
{
    const pc_circuit_task *task = pc_circuit_describe_task(map->run);
    pc_text words = {0};
    put_name(&words, pc_circuit_describe_model(map->run)->name);
    pc_text_put(&words, " on ");
    put_name(&words, task->name);
    pc_text_printf(&words, ": %s, %s, n = %lld", map->title, metric_of(map->run),
                   (long long)task->n);
    pc_mark *title = pc_figure_text(figure, PC_MARGIN, PC_MARGIN + 12, title_size,
                                    pc_figure_take(figure, &words));
    title->fill = PC_COLOUR_TEXT;
    title->is_bold = true;
    pc_text_free(&words);
    return title->x + title->width;
}

bool pc_is_denoised(const pc_circuit *run)
{
    const char *direction = pc_circuit_option(run, "direction");
    return direction && strcmp(direction, "denoise") == 0;
}

void pc_put_replacement(pc_text *out, const pc_circuit *run)
{
    const char *source = pc_circuit_option(run, "source");
    if (source && strcmp(source, "zero") == 0) pc_text_put(out, "zero");
    else if (source && strncmp(source, "mean", 4) == 0)
        pc_text_put(out, strcmp(source, "mean") == 0 ? "its mean" : "its mean at that position");
    else pc_text_printf(out, "the %s run's", pc_is_denoised(run) ? "clean" : "corrupted");
}

static void put_baselines(pc_text *out, const pc_circuit *run)
{
    static const char *const names[] = {"clean", "corrupted", "empty"};
    static const char *const words[] = {"clean", "corrupted", "with everything replaced"};
    pc_text_printf(out, " The %s is", metric_of(run));
    for (int i = 0; i < 3; i++) {
        double value;
        if (!pc_circuit_baseline(&value, run, names[i])) continue;
        pc_text_put(out, i ? ", " : " ");
        pc_text_put_fixed(out, value, 3, PC_SIGN_ALWAYS);
        pc_text_printf(out, " %s", words[i]);
    }
    pc_text_put(out, ".");
}

static void put_errors(pc_text *out, double error)
{
    if (error == 0) return;
    pc_text_put(out, " (standard errors up to ");
    pc_text_put_fixed(out, error, pc_decimals_for(error) - 1, PC_SIGN_PLAIN);
    pc_text_put(out, ")");
}

static void put_caption(pc_text *out, const pc_heat_map *map, unsigned signs)
{
    double error = 0;
    bool has_untouched = false;
    for (int64_t i = 0; i < (int64_t)map->n_panels * map->n_rows * map->n_columns; i++) {
        error = fmax(error, map->cells[i].stderr_);
        has_untouched |= map->cells[i].is_untouched;
    }
    pc_text_put(out, map->meaning);
    put_errors(out, error);
    pc_text_put(out, ".");
    if (signs & PC_HEAT_STROKES)
        pc_text_put(out, " A stroke marks negative effects above a tenth of the strongest.");
    if (has_untouched && (signs & PC_HEAT_DOTS))
        pc_text_put(out, " A dot: nothing changes there, exactly.");
    if (map->note) pc_text_printf(out, " %s", map->note);
    put_baselines(out, map->run);
}

double pc_draw_heat_caption(pc_figure *figure, const pc_heat_map *map, unsigned signs, double y,
                            double width)
{
    pc_text words = {0};
    put_caption(&words, map, signs);
    y = pc_draw_wrapped(figure, pc_figure_take(figure, &words), PC_MARGIN, y, width);
    pc_text_free(&words);
    pc_put_provenance(&words, map->run);
    y = pc_draw_wrapped(figure, pc_figure_take(figure, &words), PC_MARGIN, y, width);
    pc_text_free(&words);
    return y;
}
