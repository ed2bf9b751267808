// One program draws everything: instanced meshes, each instance an affine image of the mesh.
// mode 0: one colour; 1: two halves along z (bonds); 2: sign of the quadratic form (ellipsoids); 3: sign of a value (surfaces).
export const VERTEX = `#version 300 es
in vec3 point, normal, axisX, axisY, axisZ, origin, colour, colour2;
in float value;
uniform mat4 view;
uniform vec4 lens;
uniform int mode;
out vec3 eye, eyeNormal, tint, tint2;
out float side;
void main() {
mat3 shape = mat3(axisX, axisY, axisZ);
vec3 local = shape * point;
vec4 place = view * vec4(local + origin, 1.0);
mat3 cofactors = mat3(cross(axisY, axisZ), cross(axisZ, axisX), cross(axisX, axisY));
eye = place.xyz;
eyeNormal = mat3(view) * (cofactors * normal);
tint = colour;
tint2 = colour2;
side = mode == 1 ? 0.5 - point.z : mode == 2 ? dot(point, local) / max(length(local), 1e-6) : value;
gl_Position = vec4(place.xy * lens.xy, lens.z * place.z + lens.w, -place.z);
}`;

// Soft light: a sky above, a warm ground below, one key and one fill light, a quiet gloss,
// edges that darken as ink would, and distance that fades into the paper.
export const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
in vec3 eye, eyeNormal, tint, tint2;
in float side;
uniform vec3 paper;
uniform vec3 haze;
uniform float glass;
uniform int mode;
out vec4 pixel;
void main() {
vec3 toEye = normalize(-eye);
vec3 n = normalize(eyeNormal);
float facing = dot(n, toEye);
float inside = facing < 0.0 ? 1.0 : 0.0;
if (facing < 0.0) { n = -n; facing = -facing; }
float width = max(fwidth(side), 1e-5);
vec3 base = mode == 0 ? tint : mix(tint2, tint, smoothstep(-width, width, side));
base = pow(base, vec3(2.2));
vec3 key = normalize(vec3(0.45, 0.75, 0.85));
vec3 fill = normalize(vec3(-0.75, -0.15, 0.5));
float sky = 0.5 + 0.5 * n.y;
vec3 light = mix(vec3(0.30, 0.29, 0.28), vec3(0.50, 0.52, 0.55), sky);
light += vec3(0.72, 0.70, 0.67) * max(dot(n, key), 0.0) + vec3(0.14, 0.15, 0.18) * max(dot(n, fill), 0.0);
float gloss = pow(max(dot(n, normalize(key + toEye)), 0.0), 60.0);
float rim = 1.0 - facing;
vec3 lit = base * light * (1.0 - 0.55 * rim * rim * rim) + 0.16 * gloss;
lit = pow(lit, vec3(1.0 / 2.2));
float depth = clamp((-eye.z - haze.x) / (haze.y - haze.x), 0.0, 1.0);
lit = mix(lit, paper, haze.z * depth * depth);
float alpha = glass > 0.0 ? mix(0.42, 0.9, rim * rim) * (1.0 - 0.55 * inside) : 1.0;
pixel = vec4(lit * alpha, alpha);
}`;
