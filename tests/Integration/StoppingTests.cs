using System.Text.Json;
using DistSgd.TestKit;
using DistSgd.Trainer;

namespace DistSgd.Integration.Tests;

/// <summary>What ends a training on processes.</summary>
public sealed class StoppingTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("steps", "--steps-max", "1500")]
    [InlineData("seconds", "--seconds-max", "1e-6")]
    [InlineData("tolerance", "--tolerance", "0.5")]
    [InlineData("gradient-tolerance", "--gradient-tolerance", "0.5")]
    [InlineData("patience", "--patience", "1", "--learning-rate", "50", "--schedule", "constant")]
    public async Task EachRule_EndsATrainingOnProcesses_AndTheModelIsSaved(string reason, params string[] rule)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        JsonElement summary = await ProgramRun.TrainAsync(["--data", data, "--test", data, "--epochs", "500", "--servers", "2", "--workers", "2", "--out", _folder["m"], .. rule]);
        Assert.Equal(reason, summary.GetProperty("ended_by").GetString());
        Assert.True(summary.GetProperty("epoch").GetInt32() < 500);
        Assert.Contains(TrainedModel.Load(_folder["m"]).Weights.ToArray(), weight => weight != 0);
    }
}
