using System.Text.Json;
using DistSgd.Learning.Optimizers;
using DistSgd.TestKit;

namespace DistSgd.Integration.Tests;

public sealed class RuleTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PeerFact("data:a9a/a9a.train.gz", "data:a9a/a9a.test.gz")]
    public async Task EveryRule_TwoServersAndTwoWorkers_TrainsA9a()
    {
        string a9a = Path.Combine(Environment.GetEnvironmentVariable("DISTSGD_DATA")!, "a9a");
        foreach (RuleForm form in UpdateRules.All)
        {
            JsonElement result = await ProgramRun.TrainAsync("--data", Path.Combine(a9a, "a9a.train.gz"), "--test", Path.Combine(a9a, "a9a.test.gz"),
                "--optimizer", form.Facts.Name, "--epochs", "6", "--servers", "2", "--workers", "2", "--out", _folder["m"]);
            Assert.True(result.GetProperty("test_accuracy").GetDouble() > 0.84, $"{form.Facts.Name}: {result.GetProperty("test_accuracy").GetDouble()}");
        }
    }
}
