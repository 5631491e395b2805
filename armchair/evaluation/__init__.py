"""evaluation: benchmark v1, its controls and reports, and the energy landscape.

Composition: may import every room; nobody below imports it. It owns the environment and decides
what an agent sees: the frame, the robot's own state and goal images, nothing else.
"""
