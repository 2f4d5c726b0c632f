using DistSgd.TestKit;

namespace DistSgd.Interop.Tests;

/// <summary>Our client calls our server; and the inventory of who runs what.</summary>
public sealed class OwnServerTests(OwnServer server) : IClassFixture<OwnServer>
{
    public static TheoryData<string> Cases => CaseMatrix.Of(CaseMatrix.OursToOurs);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task OwnServer_Case_Passes(string name)
    {
        using var channel = OwnClient.Connect(server.Address);
        await CaseMatrix.RunAsync(CaseMatrix.OursToOurs, name, channel.CreateCallInvoker());
        Assert.Empty(server.TakeEncodingFaults());
    }

    [Fact]
    public void Document_ShowsTheMatrix()
    {
        var expected = CaseMatrix.ToMarkdown();
        Assert.True(File.ReadAllText(Path.Combine(ForeignProgram.Root, "docs/testing.md")).Contains(expected, StringComparison.Ordinal), $"docs/testing.md has another matrix than\n{expected}");
    }
}
