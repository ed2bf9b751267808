import { discMesh, sphereMesh, tubeMesh } from "./geometry.js";
import { BALL_FRAGMENT, BALL_VERTEX, SOLID_FRAGMENT, SOLID_VERTEX } from "./shaders.js";

const FLOATS = 18;
const INSTANCE = ["axisX", "axisY", "axisZ", "origin", "colour", "colour2"];
const ATTRIBUTES = ["point", "normal", "value", ...INSTANCE];
const UNIFORMS = ["view", "lens", "mode", "paper", "haze", "veil"];

// The one WebGL2 context of the page. Browsers drop the oldest of more than 16 contexts,
// so every panel draws here and keeps a copy of the pixels in its own 2D canvas.
class Stage {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.gl = this.canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true });
    if (!this.gl) return;
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => { this.prepare(); this.restored?.(); });
    this.prepare();
  }

  get ready() { return !!this.gl && !this.gl.isContextLost(); }

  prepare() {
    const gl = this.gl;
    this.generation = (this.generation || 0) + 1;
    this.solid = link(gl, SOLID_VERTEX, SOLID_FRAGMENT);
    this.ball = link(gl, BALL_VERTEX, BALL_FRAGMENT);
    this.instances = gl.createBuffer();
    const finer = { disc: discMesh(48), globe: sphereMesh(33), tube: tubeMesh(1, 14), cone: tubeMesh(0, 20) };
    const coarser = { disc: discMesh(16), globe: sphereMesh(21), tube: tubeMesh(1, 6), cone: tubeMesh(0, 8) };
    this.meshes = { fine: this.uploadAll(finer), coarse: this.uploadAll(coarser) };
  }

  uploadAll(meshes) {
    return Object.fromEntries(Object.entries(meshes).map(([name, mesh]) => [name, this.upload(mesh)]));
  }

  // Put a mesh on the card; `values` (one per point) only where a surface carries a sign.
  upload({ points, normals, indices, values }) {
    const gl = this.gl;
    const mesh = { array: gl.createVertexArray(), count: indices.length };
    gl.bindVertexArray(mesh.array);
    for (const [name, data, size] of [["point", points, 3], ["normal", normals, 3], ["value", values, 1]]) {
      if (data) mesh[name] = this.attach(name, data, size);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.instances);
    INSTANCE.forEach((name, i) => this.point(name, 3, 4 * FLOATS, 12 * i, 1));
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    return mesh;
  }

  attach(name, data, size) {
    const buffer = this.gl.createBuffer();
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, this.gl.DYNAMIC_DRAW);
    this.point(name, size, 0, 0, 0);
    return buffer;
  }

  point(name, size, stride, offset, divisor) {
    const gl = this.gl, place = ATTRIBUTES.indexOf(name);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(place, divisor);
  }

  update(mesh, name, data) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, mesh[name]);
    this.gl.bufferSubData(this.gl.ARRAY_BUFFER, 0, data);
  }

  begin(width, height, camera, theme) {
    const gl = this.gl;
    if (this.canvas.width < width || this.canvas.height < height) {
      this.canvas.width = Math.max(this.canvas.width, width);
      this.canvas.height = Math.max(this.canvas.height, height);
    }
    gl.viewport(0, 0, width, height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    for (const { program, at } of [this.solid, this.ball]) {
      gl.useProgram(program);
      gl.uniformMatrix4fv(at.view, false, camera.view);
      gl.uniform4fv(at.lens, camera.lens);
      gl.uniform3fv(at.haze, camera.haze);
      gl.uniform3fv(at.paper, theme.paper);
    }
  }

  balls(mesh, list) {
    this.gl.useProgram(this.ball.program);
    this.send(mesh, list);
  }

  draw(mesh, list, { mode = 0, veil = 0 } = {}) {
    if (!list.count) return;
    const gl = this.gl, { program, at } = this.solid;
    gl.useProgram(program);
    gl.uniform1i(at.mode, mode);
    gl.uniform1f(at.veil, veil);
    if (mode === 3) gl.enable(gl.CULL_FACE);
    this.send(mesh, list);
    gl.disable(gl.CULL_FACE);
  }

  send(mesh, list) {
    const gl = this.gl;
    gl.bindVertexArray(mesh.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.instances);
    gl.bufferData(gl.ARRAY_BUFFER, list.data.subarray(0, FLOATS * list.count), gl.STREAM_DRAW);
    gl.drawElementsInstanced(gl.TRIANGLES, mesh.count, gl.UNSIGNED_SHORT, 0, list.count);
    gl.bindVertexArray(null);
  }

  // A fresh sheet over what was copied already; what is solid still hides what comes behind it.
  wipe() { this.gl.clear(this.gl.COLOR_BUFFER_BIT); }

  copyTo(context, width, height) {
    context.drawImage(this.canvas, 0, this.canvas.height - height, width, height, 0, 0, width, height);
  }
}

function link(gl, vertex, fragment) {
  const program = gl.createProgram();
  ATTRIBUTES.forEach((name, place) => gl.bindAttribLocation(program, place, name));
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program));
  return { program, at: Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)])) };
}

// Every figure of a page brings this module along; the first to come opens the stage for all.
export function sharedStage() {
  const key = Symbol.for("equitour.stage.__VERSION__");
  return (globalThis[key] ??= new Stage());
}

// A growing list of instances: three axes, an origin and two colours each.
export class Instances {
  constructor() { this.data = new Float32Array(64 * FLOATS); this.count = 0; }

  clear() { this.count = 0; }

  add(x, y, z, origin, colour, colour2 = colour) {
    if ((this.count + 1) * FLOATS > this.data.length) {
      const larger = new Float32Array(2 * this.data.length);
      larger.set(this.data);
      this.data = larger;
    }
    const at = FLOATS * this.count++, data = this.data;
    for (let i = 0; i < 3; i++) {
      data[at + i] = x[i]; data[at + 3 + i] = y[i]; data[at + 6 + i] = z[i];
      data[at + 9 + i] = origin[i]; data[at + 12 + i] = colour[i]; data[at + 15 + i] = colour2[i];
    }
  }

  ball(origin, radius, colour) { this.add([radius, 0, 0], [0, radius, 0], [0, 0, radius], origin, colour); }

  // A rod of this radius between two points.
  rod(from, to, radius, colour, colour2 = colour) {
    const z = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
    const length = Math.hypot(z[0], z[1], z[2]);
    if (length < 1e-6) return;
    const helper = Math.abs(z[0]) < 0.9 * length ? [1, 0, 0] : [0, 1, 0];
    let x = [z[1] * helper[2] - z[2] * helper[1], z[2] * helper[0] - z[0] * helper[2], z[0] * helper[1] - z[1] * helper[0]];
    const scale = radius / Math.hypot(x[0], x[1], x[2]);
    x = [x[0] * scale, x[1] * scale, x[2] * scale];
    const y = [(z[1] * x[2] - z[2] * x[1]) / length, (z[2] * x[0] - z[0] * x[2]) / length, (z[0] * x[1] - z[1] * x[0]) / length];
    this.add(x, y, z, from, colour, colour2);
  }
}
