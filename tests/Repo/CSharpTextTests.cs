namespace DistSgd.Repo.Tests;

public sealed class CSharpTextTests
{
    [Fact]
    public void CodeOnly_BlanksCommentsAndLiterals_AndNothingElse()
    {
        Assert.Equal("a();       b();", CSharpText.CodeOnly("a(); /*x*/ b();"));
        Assert.Equal("a();     \nb();", CSharpText.CodeOnly("a(); // x\nb();"));
        Assert.Equal("f(     , 1);", CSharpText.CodeOnly("f(\"x\\\"\", 1);"));
        Assert.Equal("f(@      , 1);", CSharpText.CodeOnly("f(@\"x\"\"\\\", 1);".Replace("\\\"", "y\"", StringComparison.Ordinal)));
        Assert.Equal("f($             , 1);", CSharpText.CodeOnly("f($\"a {g(\"b\")} \", 1);"));
        Assert.Equal("f($          , 1);", CSharpText.CodeOnly("f($\"{{x}} {y}\", 1);".Replace(" {y}", "{y}", StringComparison.Ordinal)));
        Assert.Equal("c ==     ; d();", CSharpText.CodeOnly("c == '\\''; d();"));
        Assert.Equal("r =          ; e();", CSharpText.CodeOnly("r = \"\"\"a\"b\"\"\"; e();"));
    }
}
