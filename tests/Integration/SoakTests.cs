using System.Diagnostics;
using System.Runtime.InteropServices;
using DistSgd.Bench.Kernels;
using DistSgd.Bench.Wire;

namespace DistSgd.Integration.Tests;

/// <summary>The short form of <c>distsgd bench soak</c>: so many pushes in place of so much time.</summary>
public sealed class SoakTests
{
    private const int Pushes = 300;

    [Fact]
    public async Task ServerUnderFloodsBesideReadersThatDontRead_StaysWithinItsBound()
    {
        var server = new ProcessStartInfo(ProgramRun.Program, ["bench", "wire-server"]);
        server.Environment.TryAdd("DOTNET_ROOT", Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")));
        await using var output = new StringWriter();
        // Throws where the server held more than docs/wire.md says.
        await WireBench.SoakAsync(output, BenchFormat.Json, server, TimeSpan.Zero, Pushes);
        Assert.Contains("server's memory, highest in", output.ToString().Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
    }
}
