// SPDX-License-Identifier: GPL-3.0-or-later
// What the rasterizer is measured against: sort, bin, blend and the blend's gradient by hand for 16 lanes with OpenMP.
// Textbook 3DGS on 16x16 tiles (conics, one row of a tile a vector); no code is shared with the numba back end.
// A splat is the 16 floats of core/raster/numba_project.py: u v p q d k r g b z left top right bottom radius opacity.
#include <omp.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

typedef float V __attribute__((vector_size(64)));
typedef int32_t M __attribute__((vector_size(64)));

static inline V splat(float x) { return x - V{}; }
static inline V pick(M m, V a, V b) { return m ? a : b; }
static inline float sum(V v) {
    float s = 0;
    for (int i = 0; i < 16; i++) s += v[i];
    return s;
}
static inline V exp_minus(V s) {  // exp(-s) for 0 <= s <= 5.6: a degree-5 polynomial of s/8, squared three times
    V x = s * 0.125f;
    V e = 0.99999992f + x * (-0.99999241f + x * (0.49988128f + x * (-0.16596903f + x * (0.03976483f + x * -0.00584249f))));
    e *= e;
    e *= e;
    return e * e;
}

struct Pair { int32_t rank, slot; };
struct Scene {
    std::vector<float> splats;  // in depth order
    std::vector<int32_t> order, first;
    std::vector<int64_t> starts;
    std::vector<Pair> pairs;
    int tiles_x, tiles_y;
};
static Scene scene;

static void sort_and_bin(const float* table, const int32_t* visible, int n, int width, int height) {
    Scene& s = scene;
    s.tiles_x = (width + 15) / 16, s.tiles_y = (height + 15) / 16;
    static std::vector<uint32_t> keys, other_keys;
    static std::vector<int32_t> other;
    s.order.resize(n), keys.resize(n), other_keys.resize(n), other.resize(n);
    int count = 0;
    uint32_t digits[3][2048] = {};
    for (int i = 0; i < n; i++)
        if (visible[i]) {
            uint32_t k;
            std::memcpy(&k, table + 16 * i + 9, 4);
            keys[count] = k, s.order[count++] = i;
            digits[0][k & 2047]++, digits[1][k >> 11 & 2047]++, digits[2][k >> 22]++;
        }
    for (int d = 0; d < 3; d++) {
        uint32_t total = 0;
        for (auto& c : digits[d]) { uint32_t was = c; c = total, total += was; }
        for (int j = 0; j < count; j++) {
            uint32_t to = digits[d][keys[j] >> 11 * d & 2047]++;
            other_keys[to] = keys[j], other[to] = s.order[j];
        }
        keys.swap(other_keys), s.order.swap(other);
    }
    s.order.resize(count), s.first.resize(count + 1), s.splats.resize(16 * (size_t)count);
    int tiles = s.tiles_x * s.tiles_y, threads = omp_get_max_threads();
    static std::vector<int64_t> counts;
    counts.assign((size_t)threads * tiles, 0);
    auto box = [&](int r, int& x0, int& x1, int& y0, int& y1) {
        const float* a = &s.splats[16 * (size_t)r];
        x0 = (int)a[10] / 16, x1 = ((int)a[12] + 15) / 16, y0 = (int)a[11] / 16, y1 = ((int)a[13] + 15) / 16;
    };
#pragma omp parallel for schedule(static)
    for (int r = 0; r < count; r++) std::memcpy(&s.splats[16 * (size_t)r], table + 16 * (size_t)s.order[r], 64);
#pragma omp parallel for schedule(static, 1)
    for (int t = 0; t < threads; t++)
        for (int r = (int64_t)count * t / threads; r < (int64_t)count * (t + 1) / threads; r++) {
            int x0, x1, y0, y1;
            box(r, x0, x1, y0, y1);
            s.first[r + 1] = (x1 - x0) * (y1 - y0);
            for (int y = y0; y < y1; y++)
                for (int x = x0; x < x1; x++) counts[(size_t)t * tiles + y * s.tiles_x + x]++;
        }
    s.first[0] = 0;
    for (int r = 0; r < count; r++) s.first[r + 1] += s.first[r];
    s.starts.resize(tiles + 1);
    int64_t total = 0;
    for (int k = 0; k < tiles; k++) {
        s.starts[k] = total;
        for (int t = 0; t < threads; t++) { int64_t was = counts[(size_t)t * tiles + k]; counts[(size_t)t * tiles + k] = total, total += was; }
    }
    s.starts[tiles] = total;
    s.pairs.resize(total);
#pragma omp parallel for schedule(static, 1)
    for (int t = 0; t < threads; t++)
        for (int r = (int64_t)count * t / threads; r < (int64_t)count * (t + 1) / threads; r++) {
            int x0, x1, y0, y1, slot = s.first[r];
            box(r, x0, x1, y0, y1);
            for (int y = y0; y < y1; y++)
                for (int x = x0; x < x1; x++) s.pairs[counts[(size_t)t * tiles + y * s.tiles_x + x]++] = {r, slot++};
        }
}

struct Conic { float u, v, a, b, c, opacity, reach, r, g, blue; int lo, hi; };
static inline Conic conic_of(const float* s, int top) {
    return {s[0], s[1], 16 * s[2] * s[2], 16 * s[2] * s[3], 16 * (s[3] * s[3] + s[4] * s[4]), s[15],
            std::log(255.0f * s[15]), s[6], s[7], s[8], std::max((int)s[11] - top, 0), std::min((int)s[13] - top, 16)};
}

extern "C" void forward(const float* table, const int32_t* visible, int n, int width, int height, const float* background,
                        float* color, float* trans) {
    sort_and_bin(table, visible, n, width, height);
    V column;
    for (int i = 0; i < 16; i++) column[i] = i;
#pragma omp parallel for schedule(dynamic, 4)
    for (int tile = 0; tile < scene.tiles_x * scene.tiles_y; tile++) {
        int left = tile % scene.tiles_x * 16, top = tile / scene.tiles_x * 16;
        V T[16], live[16], R[16] = {}, G[16] = {}, B[16] = {};
        for (int y = 0; y < 16; y++) {
            T[y] = splat(1);
            live[y] = pick((column + (float)left < (float)width) & (splat(top + y) < (float)height), splat(1), V{});
        }
        for (int64_t j = scene.starts[tile]; j < scene.starts[tile + 1]; j++) {
            Conic k = conic_of(&scene.splats[16 * (size_t)scene.pairs[j].rank], top);
            if ((j - scene.starts[tile]) % 16 == 15) {
                V any = live[0];
                for (int y = 1; y < 16; y++) any += live[y];
                if (sum(any) == 0) break;
            }
            V dx = column + (left + 0.5f - k.u), xx = 0.5f * k.a * dx * dx, bx = k.b * dx;
            for (int y = k.lo; y < k.hi; y++) {
                float dy = top + y + 0.5f - k.v;
                V s = xx + (0.5f * k.c * dy * dy + bx * dy);
                V e = k.opacity * exp_minus(s);
                V alpha = pick(s <= k.reach, pick(e < 0.999f, e, splat(0.999f)), V{});
                V weight = alpha * live[y] * T[y];
                R[y] += weight * k.r, G[y] += weight * k.g, B[y] += weight * k.blue, T[y] -= weight;
                live[y] = pick(T[y] > 1e-4f, live[y], V{});
            }
        }
        for (int y = 0; y < std::min(16, height - top); y++)
            for (int x = 0; x < std::min(16, width - left); x++) {
                size_t i = (size_t)(top + y) * width + left + x;
                float t = trans[i] = T[y][x];
                color[3 * i] = R[y][x] + t * background[0], color[3 * i + 1] = G[y][x] + t * background[1],
                        color[3 * i + 2] = B[y][x] + t * background[2];
            }
    }
}

// sums [visible, 12] in depth order: colour 3, opacity, centre 2, conic 3, |centre| 2, pixels; returns the pairs
extern "C" int64_t backward(int width, int height, const float* color, const float* trans, const float* g_color,
                            const float* g_alpha, float* sums) {
    static std::vector<float> slots;
    slots.resize(12 * scene.pairs.size());
    V column;
    for (int i = 0; i < 16; i++) column[i] = i;
#pragma omp parallel for schedule(dynamic, 4)
    for (int tile = 0; tile < scene.tiles_x * scene.tiles_y; tile++) {
        int left = tile % scene.tiles_x * 16, top = tile / scene.tiles_x * 16;
        V T[16], live[16], L[16] = {}, R[16] = {}, G[16] = {}, B[16] = {}, A[16] = {};
        for (int y = 0; y < 16; y++) {
            T[y] = splat(1), live[y] = V{};
            for (int x = 0; x < 16; x++)
                if (left + x < width && top + y < height) {
                    size_t i = (size_t)(top + y) * width + left + x;
                    live[y][x] = 1, R[y][x] = g_color[3 * i], G[y][x] = g_color[3 * i + 1], B[y][x] = g_color[3 * i + 2];
                    A[y][x] = g_alpha[i];
                    L[y][x] = color[3 * i] * g_color[3 * i] + color[3 * i + 1] * g_color[3 * i + 1] +
                              color[3 * i + 2] * g_color[3 * i + 2] + (1 - trans[i]) * g_alpha[i];
                }
        }
        bool done = false;
        for (int64_t j = scene.starts[tile]; j < scene.starts[tile + 1]; j++) {
            float* out = &slots[12 * (size_t)scene.pairs[j].slot];
            if ((j - scene.starts[tile]) % 16 == 15 && !done) {
                V any = live[0];
                for (int y = 1; y < 16; y++) any += live[y];
                done = sum(any) == 0;
            }
            if (done) { std::memset(out, 0, 48); continue; }
            Conic k = conic_of(&scene.splats[16 * (size_t)scene.pairs[j].rank], top);
            V dx = column + (left + 0.5f - k.u), xx = 0.5f * k.a * dx * dx, bx = k.b * dx, ax = k.a * dx;
            V s_r{}, s_g{}, s_b{}, s_o{}, s_u{}, s_v{}, s_xx{}, s_xy{}, s_yy{}, s_au{}, s_av{}, s_n{};
            for (int y = k.lo; y < k.hi; y++) {
                float dy = top + y + 0.5f - k.v;
                V s = xx + (0.5f * k.c * dy * dy + bx * dy);
                V e = exp_minus(s), raw = k.opacity * e;
                V alpha = pick(s <= k.reach, pick(raw < 0.999f, raw, splat(0.999f)), V{});
                V weight = alpha * live[y] * T[y];
                V shown = A[y] + k.r * R[y] + k.g * G[y] + k.blue * B[y];
                L[y] -= weight * shown;
                V g = pick((raw <= 0.999f) & (weight > 0.0f), T[y] * shown - L[y] / (1.0f - alpha), V{});
                V v = -g * raw;
                s_r += weight * R[y], s_g += weight * G[y], s_b += weight * B[y], s_o += g * e;
                V gu = v * (ax + k.b * dy), gv = v * (bx + k.c * dy);
                s_u -= gu, s_v -= gv, s_au += pick(gu < 0.0f, -gu, gu), s_av += pick(gv < 0.0f, -gv, gv);
                s_xx += v * dx * dx, s_xy += v * dx * dy, s_yy += v * (dy * dy);
                s_n += pick(weight > 0.0f, splat(1), V{});
                T[y] -= weight;
                live[y] = pick(T[y] > 1e-4f, live[y], V{});
            }
            V all[12] = {s_r, s_g, s_b, s_o, s_u, s_v, s_xx, s_xy, s_yy, s_au, s_av, s_n};
            for (int q = 0; q < 12; q++) out[q] = sum(all[q]);
        }
    }
    int count = scene.order.size();
#pragma omp parallel for schedule(static)
    for (int r = 0; r < count; r++) {
        float* to = sums + 12 * (size_t)r;
        std::memset(to, 0, 48);
        for (int p = scene.first[r]; p < scene.first[r + 1]; p++)
            for (int q = 0; q < 12; q++) to[q] += slots[12 * (size_t)p + q];
    }
    return scene.pairs.size();
}
