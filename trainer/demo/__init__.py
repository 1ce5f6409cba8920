"""The sample centre: invented people, real audio, and three months of what they did.

Words: it is *built* once into a folder of its own and *opened* from then on. Invariant: it is made through the same
services as real work (clips are cut, modules taken, milestones awarded), with the clock turned to the day it happened;
nothing is written past the rules, and nothing leaves this machine.
"""
