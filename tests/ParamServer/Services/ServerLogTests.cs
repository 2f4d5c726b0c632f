using DistSgd.ParamServer.Services;

namespace DistSgd.ParamServer.Tests.Services;

public sealed class ServerLogTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Tell_WhileNobodyReads_DoesNotWait_AndWhatWasDroppedIsCounted()
    {
        var lines = new List<string>();
        using var read = new ManualResetEventSlim();
        using var held = new ManualResetEventSlim();
        var log = new ServerLog(
            line =>
            {
                held.Set();
                Assert.True(read.Wait(Patience));
                lines.Add(line.Text);
            },
            TimeProvider.System);
        log.Tell("first");
        Assert.True(held.Wait(Patience));
        for (int i = 0; i < ServerLog.LinesMax + 7; i++)
            log.Tell($"line {i}");
        read.Set();
        await log.DisposeAsync();
        Assert.Equal(["first", "7 lines were not written: nobody read them", "line 0", "line 1"], lines[..4]);
        Assert.Equal(ServerLog.LinesMax + 2, lines.Count);
    }

    [Fact]
    public async Task Tell_NamesWithLineFeeds_MakeOneLine()
    {
        var lines = new List<string>();
        var log = new ServerLog(line => lines.Add(line.Text), TimeProvider.System);
        log.Tell("job 'a\r\n2026 all is well\u001b[2J'");
        await log.DisposeAsync();
        Assert.Equal(["job 'a  2026 all is well [2J'"], lines);
    }
}
