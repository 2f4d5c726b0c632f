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
        string shown = output.ToString();
        Assert.Contains("memory under floods and slow readers, highest", shown, StringComparison.Ordinal);
        Assert.Contains("memory under 8 pullers and 8 pushers of 32 MiB a call, highest", shown, StringComparison.Ordinal);
    }
}
