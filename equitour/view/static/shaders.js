// Two programs share one light. SOLID draws instanced meshes, each instance an affine image of the mesh; BALL draws spheres
// as flat discs that face the eye and work out the round surface pixel by pixel: few triangles, and never a corner.
import { NEGATIVE, POSITIVE } from "./colour.js";

const rgb = (colour) => `vec3(${colour.map((value) => value.toFixed(4)).join(",")})`;
const EYE = `#version 300 es
in vec3 point, origin, colour, colour2;
in vec3 axisX, axisY, axisZ, normal;
in float value;
uniform mat4 view;
uniform vec4 lens;
uniform int mode;
out vec3 eye, eyeNormal, tint, tint2, way;
out float side;
vec4 clip(vec3 place) { return vec4(place.xy * lens.xy, lens.z * place.z + lens.w, -place.z); }
`;

// mode 0: one colour; 1: two halves along z (bonds); 2: sign of the quadratic form (ellipsoids); 3: sign of a value (surfaces);
// 4 and 5: r(n) = |f(n)| of a form with two and three indices, f(n) = n.M n, where with three indices M depends on n itself.
export const SOLID_VERTEX = `${EYE}
void main() {
mat3 M = mat3(axisX, axisY, axisZ);
if (mode == 5) {
vec3 a = axisX, b = axisY, c = axisZ;
float t = colour.x, xy = dot(vec3(b.x, c.x, t), point), yz = dot(vec3(t, b.y, c.y), point), zx = dot(vec3(c.z, t, b.z), point);
M = mat3(dot(vec3(a.x, b.x, c.z), point), xy, zx, xy, dot(vec3(c.x, a.y, b.y), point), yz, zx, yz, dot(vec3(b.z, c.y, a.z), point));
}
vec3 local = M * point, up = mat3(cross(axisY, axisZ), cross(axisZ, axisX), cross(axisX, axisY)) * normal;
way = point;
tint = colour;
tint2 = colour2;
side = mode == 1 ? 0.5 - point.z : mode == 2 ? dot(point, local) / max(length(local), 1e-6) : value;
if (mode > 3) {
side = dot(point, local);
float s = side < 0.0 ? -1.0 : 1.0;
up = s * (side * point - float(mode - 2) * (local - side * point));
local = s * side * point;
tint = ${rgb(POSITIVE)};
tint2 = ${rgb(NEGATIVE)};
}
eye = (view * vec4(local + origin, 1.0)).xyz;
eyeNormal = mat3(view) * up;
gl_Position = clip(eye);
}`;

// The rim of the disc is the circle that the eye sees; eyeNormal carries the centre and side the radius.
export const BALL_VERTEX = `${EYE}
void main() {
vec3 centre = (view * vec4(origin, 1.0)).xyz;
float radius = axisX.x, away = length(centre);
vec3 ahead = centre / away;
vec3 right = normalize(cross(vec3(0.0, 1.0, 0.0), ahead));
eye = centre + radius * away * inversesqrt(away * away - radius * radius) * (point.x * right + point.y * cross(ahead, right));
eyeNormal = centre;
side = radius;
tint = colour;
tint2 = colour2;
way = point;
gl_Position = clip(eye);
}`;

// Soft light: a sky above, a warm ground below, one key and one fill light, a quiet gloss,
// edges that darken as ink would, and distance that fades into the paper.
const LIGHT = `#version 300 es
precision highp float;
precision highp int;
in vec3 eye, eyeNormal, tint, tint2, way;
in float side;
uniform vec4 lens;
uniform vec3 paper, haze;
uniform float veil;
uniform int mode;
out vec4 pixel;
vec3 lit(vec3 base, vec3 n, vec3 toEye, float facing, float depth) {
float sky = 0.5 + 0.5 * n.y;
vec3 light = mix(vec3(0.30, 0.29, 0.28), vec3(0.50, 0.52, 0.55), sky);
light += vec3(0.72, 0.70, 0.67) * max(dot(n, vec3(0.369, 0.615, 0.697)), 0.0) + vec3(0.14, 0.15, 0.18) * max(dot(n, vec3(-0.821, -0.164, 0.547)), 0.0);
float gloss = pow(max(dot(n, normalize(vec3(0.369, 0.615, 0.697) + toEye)), 0.0), 60.0);
float rim = 1.0 - facing;
vec3 seen = base * base * light * (1.0 - 0.55 * rim * rim * rim) + 0.16 * gloss;
float far = clamp((depth - haze.x) / (haze.y - haze.x), 0.0, 1.0);
return mix(sqrt(seen), paper, haze.z * far * far);
}
`;

export const SOLID_FRAGMENT = `${LIGHT}
void main() {
vec3 toEye = normalize(-eye);
vec3 n = normalize(eyeNormal);
float facing = dot(n, toEye);
if (facing < 0.0) { n = -n; facing = -facing; }
float width = max(fwidth(side), 1e-5);
vec3 base = mode == 0 ? tint : mix(tint2, tint, smoothstep(-width, width, side));
if (mode > 1 && mode != 3 && side < 0.0) {
float wave = 7.0 * dot(normalize(way), vec3(0.36, 0.8, 0.48)), soft = max(1.5 * fwidth(wave), 1e-4);
base *= 1.0 - 0.6 * smoothstep(0.15 + soft, 0.15 - soft, abs(fract(wave) - 0.5)) * smoothstep(0.9, 0.3, soft);
}
float rim = 1.0 - facing;
float alpha = veil > 0.0 ? mix(veil, 0.95, rim * rim) : 1.0;
pixel = vec4(lit(base, n, toEye, facing, -eye.z) * alpha, alpha);
}`;

export const BALL_FRAGMENT = `${LIGHT}
void main() {
vec3 ray = normalize(eye);
float along = dot(ray, eyeNormal);
float depth = along - sqrt(max(along * along - dot(eyeNormal, eyeNormal) + side * side, 0.0));
vec3 place = depth * ray;
vec3 n = (place - eyeNormal) / side;
pixel = vec4(lit(tint, n, -ray, max(dot(n, -ray), 0.0), -place.z), 1.0);
gl_FragDepth = 0.5 + 0.5 * (lens.z * place.z + lens.w) / -place.z;
}`;
