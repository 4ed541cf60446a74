"""The programs that save, as one table: what each runs, and what it makes of a refusal.

A command runs in bash in the page's directory. There, $NEW is a file outside the mount
with the whole new text, which is spec.json's with the words $OLD put as $TO.
"""
import dataclasses

FAILS = object()    # any exit status but 0

IN_FILE, BESIDE = "spec.json", "spec.json.rejected"     # where a refused text is kept


@dataclasses.dataclass(frozen=True)
class Program:
    save: str
    needs: str = ""             # the program looked for, where it may be missing
    own_text: bool = False      # prints the value its own way
    status: object = FAILS      # at a refusal: its exit
    says: str = "Protocol error"    # and what it prints, a regular expression
    keeps: str = IN_FILE
    unsent: tuple = ()          # and its own files that it leaves behind
    leaves: tuple = ()          # those that it leaves after a good save
    late: bool = False          # the bytes arrive after its last close


JETBRAINS = ("cp $NEW spec.json___jb_tmp___ && mv spec.json spec.json___jb_old___ && "
             "mv spec.json___jb_tmp___ spec.json && rm spec.json___jb_old___")

TOOLS = {
    "bash builtin": Program('printf "%s\\n" "$(cat $NEW)" > spec.json', status=0, says="^$"),
    "bash external": Program("cat $NEW > spec.json"),
    "bash group": Program('{ printf "%s\\n" "$(head -n 3 $NEW)"; tail -n +4 $NEW; } > spec.json',
                          says=""),
    "bash append": Program(": > spec.json; tail -n +1 $NEW >> spec.json"),
    "dash builtin": Program('dash -c \'printf "%s\\n" "$(cat $NEW)" > spec.json\'',
                            needs="dash", status=0, says="^$"),
    "dash external": Program("dash -c '/bin/cat $NEW > spec.json'", needs="dash"),
    "jq": Program("jq . $NEW > spec.json", needs="jq", own_text=True),
    "tee": Program("tee spec.json < $NEW > /dev/null"),
    "tee in a pipe": Program("set -o pipefail; jq --indent 4 . $NEW | tee spec.json > /dev/null",
                             needs="jq", own_text=True),
    "dd": Program("dd status=none if=$NEW of=spec.json"),
    "dd conv=fsync": Program("dd status=none conv=fsync bs=100 if=$NEW of=spec.json"),
    "cp": Program("cp $NEW spec.json"),
    "cp -p": Program("cp -p $NEW spec.json"),
    "cp -b": Program("cp -b $NEW spec.json; status=$?; rm spec.json~; exit $status",
                     keeps=BESIDE),    # cp puts the backup back
    "cp --remove-destination": Program("cp --remove-destination $NEW spec.json"),
    "mv inside": Program("cp $NEW spec.tmp && mv spec.tmp spec.json", keeps=BESIDE,
                          unsent=("spec.tmp",)),
    "mv from another file system": Program("mv $NEW spec.json"),
    "install": Program("install -m 644 $NEW spec.json"),
    "sed -i": Program('sed -i "s/$OLD/$TO/" spec.json', status=4, keeps=BESIDE),
    "sed -i.bak": Program('sed -i.bak "s/$OLD/$TO/" spec.json && rm spec.json.bak', status=4,
                          keeps=BESIDE, unsent=("spec.json.bak",)),
    "rsync": Program("rsync -a $NEW spec.json", needs="rsync", keeps=BESIDE),
    "rsync --inplace": Program("rsync -a --inplace $NEW spec.json", needs="rsync"),
    "tar": Program('tar -C "$(dirname $NEW)" --transform s/new.json/spec.json/ -c new.json |'
                   " tar -x"),
    "patch": Program("diff -u spec.json $NEW | patch -s spec.json", needs="patch", keeps=BESIDE),
    "sponge": Program('sed "s/$OLD/$TO/" spec.json | sponge spec.json', needs="sponge"),
    "ed": Program('printf ",s/$OLD/$TO/\\nw\\nq\\n" | ed -s spec.json', needs="ed"),
    "gio save": Program("gio save spec.json < $NEW", needs="gio", keeps=BESIDE),
    "as JetBrains saves": Program(
        JETBRAINS, keeps=BESIDE, unsent=("spec.json___jb_old___", "spec.json___jb_tmp___")),
}



def python(body):
    return ("/usr/bin/python3 -c 'import json, mmap, os, subprocess\n"
            "old, to = os.environ[\"OLD\"], os.environ[\"TO\"]\n"
            "new = open(os.environ[\"NEW\"]).read()\n" + body + "'")


def node(body):
    return ("node -e 'const fs = require(\"fs\"), path = \"spec.json\";\n"
            "const text = fs.readFileSync(process.env.NEW);\n" + body + "'")


MMAP = """
file = open("spec.json", "r+b")
area = mmap.mmap(file.fileno(), 0)
file.close()
text = area[:].replace(old.encode(), to.encode())
area[:] = text.rstrip().ljust(len(area))
"""

SCRIPTS = {
    "perl -pi": Program('perl -pi -e "s/$OLD/$TO/" spec.json', needs="perl", keeps=BESIDE),
    "perl -pi.bak": Program('perl -pi.bak -e "s/$OLD/$TO/" spec.json && rm spec.json.bak',
                            needs="perl", keeps=BESIDE, unsent=("spec.json.bak",)),
    "python with": Program(python('with open("spec.json", "w") as f: f.write(new)'),
                           says=r"OSError: \[Errno 71\]"),
    "python fsync": Program(python('with open("spec.json", "w") as f:\n'
                                   '  f.write(new); f.flush(); os.fsync(f.fileno())'),
                            says=r"OSError: \[Errno 71\]"),
    "python json.dump without close": Program(
        python('json.dump(json.loads(new), open("spec.json", "w"), indent=1)'),
        own_text=True, status=0, says="^$"),
    "python os.replace": Program(
        python('with open(".new", "w") as f: f.write(new); f.flush(); os.fsync(f.fileno())\n'
               'os.replace(".new", "spec.json")'),
        says=r"OSError: \[Errno 71\]", keeps=BESIDE, unsent=(".new",)),
    "python mmap": Program(python(MMAP), own_text=True, status=0, says="^$", late=True),
    "python mmap with msync": Program(python(MMAP + "area.flush()"), own_text=True,
                                      says=r"OSError: \[Errno 71\]"),
    "python subprocess": Program(
        python('with open("spec.json", "w") as f:\n'
               '  subprocess.run(["cat", os.environ["NEW"]], stdout=f, check=True)'),
        says="cat: .*Protocol error"),
    "python fileinput": Program(
        python('import fileinput\nfor line in fileinput.input("spec.json", inplace=True):'
               '  print(line.replace(old, to), end="")'), says=""),
    "node writeFile": Program(node('fs.promises.writeFile(path, text);'), needs="node",
                              says="EPROTO"),
    "node writeFileSync": Program(node('fs.writeFileSync(path, text);'), needs="node",
                                  says="EPROTO"),
    "node rename": Program(node('fs.writeFileSync("a.tmp", text);'
                                'fs.renameSync("a.tmp", path);'), needs="node",
                           says="EPROTO", keeps=BESIDE, unsent=("a.tmp",)),
    "as VS Code saves": Program(
        node('const fd = fs.openSync(path, "w"); fs.writeSync(fd, text);\n'
             'try { fs.fdatasyncSync(fd); } catch (e) { console.log("swallowed " + e.code); }\n'
             'fs.closeSync(fd);'), needs="node", says="swallowed EPROTO[^$]*EPROTO"),
}


# -- editors: one save, two in one session, and one that mends what was refused -------------

@dataclasses.dataclass(frozen=True)
class Editor(Program):
    twice: str = ""             # $OLD to $TO, save, a while, $TO to "$TO again", save
    mends: str = ""             # Heading to Heding, save, a while, back, $OLD to $TO, save


def vim(start, backupcopy, **more):
    """Commands in the order they would be typed; :checktime asks as a focus change does."""
    start += f" -es -V1 -u NONE -i NONE -c 'set backupskip= directory=. backupcopy={backupcopy}' "
    first = '-c "%s/$OLD/$TO/" -c w '
    return Editor(
        needs=start.split()[0], says="E512: .*[Cc]lose failed", keeps=BESIDE,
        unsent=("spec.json~",) if backupcopy == "yes" else (),
        save=start + first + "-c q spec.json",
        twice=start + first + "-c 'sleep 200m' -c checktime "
        '-c "%s/$TO/$TO again/" -c w -c q spec.json',
        mends=start + "-c '%s/Heading/Heding/' -c w -c 'sleep 200m' -c checktime "
        "-c '%s/Heding/Heading/' " + first + "-c q spec.json", **more)


def emacs(*steps):
    """In batch, where a question is answered from stdin and without an answer an error."""
    return """emacs --batch -Q --eval '(progn
      (setq create-lockfiles t backup-enable-predicate (lambda (name) t))
      (defun swap (from to)
        (goto-char 1) (while (search-forward from nil t) (replace-match to t t)))
      (defun save ()
        (condition-case e (save-buffer) (error (message "%s" (error-message-string e)) e)))
      (find-file "spec.json") (auto-save-mode 1)
      (let ((old (getenv "OLD")) (to (getenv "TO"))) """ + "\n".join(steps) + "))'"


EMACS_SAVE = "(swap old to) (do-auto-save) (when (save) (kill-emacs 3))"
EMACS = Editor(
    needs="emacs", status=3, says="Write error: Protocol error", keeps=BESIDE,
    unsent=("#spec.json#",), leaves=("spec.json~",),
    save=emacs(EMACS_SAVE),
    twice=emacs(EMACS_SAVE, '(sit-for 0.2) (swap to (concat to " again")) '
                            "(when (save) (kill-emacs 3))"),
    # emacs takes the time of the file it failed to write for that of the one it put back,
    # on any file system, and so asks
    mends="echo yes | " + emacs('(swap "Heading" "Heding") (save) (sit-for 0.2)',
                                '(swap "Heding" "Heading")', EMACS_SAVE))

EDITORS = {
    "vim backupcopy=auto": vim("vim -N", "auto"),
    "vim backupcopy=yes": vim("vim -N", "yes"),
    "vim backupcopy=no": vim("vim -N", "no"),
    "neovim backupcopy=auto": vim("nvim --headless", "auto"),
    "neovim backupcopy=yes": vim("nvim --headless", "yes"),
    "neovim backupcopy=no": vim("nvim --headless", "no"),
    "emacs": EMACS,
}
