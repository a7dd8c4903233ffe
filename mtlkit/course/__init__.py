"""The course around the library: exercises, students' copies of the notebooks, and the commands behind `make`.

Nothing is imported here: `course.environment` runs on a bare Python.
"""
