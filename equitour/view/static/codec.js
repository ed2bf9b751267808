// Numbers travel as base64 text of little-endian float32 or int32.
export function decodeArray({ type, data }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return type === "i4" ? new Int32Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

// Every encoded array inside a plain value becomes a typed array.
export function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.data === "string" && Array.isArray(value.shape)) return decodeArray(value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, decode(one)]));
}
