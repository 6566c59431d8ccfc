// The rider's panel of one door.
import "./base.css";
import { mount } from "svelte";
import Panel from "./Panel.svelte";

const target = document.getElementById("app");
if (target) mount(Panel, { target });
