using DistSgd.Shared.CommandLine;

namespace DistSgd.Shared.Tests;

/// <summary>Text of others in sentences of ours.</summary>
public sealed class PrintableTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("größer als 3 λ 木", "größer als 3 λ 木")]
    [InlineData("a\nb\tc\u001b[2J\u007f", "a\\x0ab\\x09c\\x1b[2J\\x7f")]
    [InlineData("\u009b2J\u202eabc\u2028", "\\x9b2J\\u202eabc\\u2028")]
    public void Text_ShowsWhatATerminalWouldObey(string text, string shown) => Assert.Equal(shown, Printable.Text(text));

    [Fact]
    public void Text_HasABound()
    {
        Assert.Equal("abc", Printable.Text("abc", 3));
        Assert.Equal("ab…", Printable.Text("abc", 2));
        Assert.Equal("\\x0a…", Printable.Text("\n\n", 1));
        Assert.Equal(Printable.CharsMax + 1, Printable.Text(new string('x', 1_000_000)).Length);
    }
}
