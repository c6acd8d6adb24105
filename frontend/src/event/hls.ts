// A module of its own, so that it is fetched only when something is on air.
export { default } from "hls.js/light";
