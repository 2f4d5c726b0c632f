namespace DistSgd.Repo.Tests;

/// <summary>Files and methods stay small enough to be read at once.</summary>
public sealed class SizeTests
{
    private const int FileLinesMax = 500;
    private const int MethodLinesMax = 70;

    // What stands before the opening brace of a block that isn't a method's body.
    private const string NotAMethod =
        @"^\s*(\[[^\]]*\]\s*)*((public|internal|private|protected|file|sealed|static|abstract|partial|readonly|ref|unsafe|new)\s+)*(class|struct|interface|enum|record|namespace|switch|if|else|for|foreach|while|do|try|catch|finally|using|lock|fixed|checked|unchecked|get|set|init|add|remove)\b";

    [Fact]
    public void Files_HaveAtMost500Lines()
    {
        Assert.True(Lines(new string('\n', FileLinesMax + 1)) > FileLinesMax);
        Assert.Empty(Checkout.WithExtension(".cs", ".proto", ".py").Select(file => (file, lines: Lines(Checkout.Read(file)))).Where(at => at.lines > FileLinesMax)
            .Select(at => $"{at.file} has {at.lines} lines; split it by what its parts are for"));
    }

    [Fact]
    public void Methods_HaveAtMost70Lines()
    {
        string tooLong = $"class A\n{{\n    void M(int x)\n    {{\n{string.Concat(Enumerable.Repeat("        x++;\n", MethodLinesMax))}    }}\n}}\n";
        Assert.Single(LongMethods("counter-example", tooLong));
        Assert.Empty(Checkout.Sources().SelectMany(file => LongMethods(file, Checkout.Read(file))));
    }

    private static int Lines(string text) => text.Count(c => c == '\n');

    // A method's body is the outermost block that is no type's and no statement's, and has parentheses before its brace.
    private static IEnumerable<string> LongMethods(string path, string text)
    {
        string code = CSharpText.CodeOnly(text);
        int line = 1, statement = 0, depthOfMethod = -1, methodLine = 0, depth = 0;
        string header = "";
        for (int i = 0; i < code.Length; i++)
        {
            switch (code[i])
            {
                case '\n':
                    line++;
                    continue;
                case ';':
                    statement = i + 1;
                    continue;
                case '{':
                    string before = code[statement..i];
                    if (depthOfMethod < 0 && before.Contains('(', StringComparison.Ordinal) && !Pattern.IsIn(before.TrimStart().ReplaceLineEndings(" "), NotAMethod))
                        (depthOfMethod, methodLine, header) = (depth, line, before.Trim().Split('\n')[0]);
                    depth++;
                    break;
                case '}':
                    depth--;
                    if (depth == depthOfMethod)
                    {
                        if (line - methodLine + 1 > MethodLinesMax)
                            yield return $"{path}:{methodLine}: {header} has {line - methodLine + 1} lines; at most {MethodLinesMax}";
                        depthOfMethod = -1;
                    }
                    break;
                default:
                    continue;
            }
            statement = i + 1;
        }
    }
}
