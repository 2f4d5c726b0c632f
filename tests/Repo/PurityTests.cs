namespace DistSgd.Repo.Tests;

/// <summary>What calls itself pure takes time, messages and randomness as arguments; what learns knows nothing of clusters.</summary>
public sealed class PurityTests
{
    private const string Impure = @"\bTimeProvider\b|\bStopwatch\b|\b(UtcNow|GetTimestamp)\b|\block\s*\(|\bInterlocked\.|\bVolatile\.|\bTask\b|\basync\b|\bawait\b|\bThread\b|\bFile\.|\bSocket\b|\bHttpClient\b|\bRandom\.Shared\b";

    [Fact]
    public void PureTypes_HoldNoClockLockTaskOrSocket()
    {
        string[] pure = [.. Checkout.Sources("src").Where(file => ClaimsPurity(Checkout.Read(file)))];
        Assert.NotEmpty(pure);
        new Rule(Impure, "an argument: the shell around a pure type waits, locks and reads the clock").Holds("lock (_gate) { }", pure);
    }

    [Fact]
    public void LearningAndKernels_NeverSeeANetwork() =>
        new Rule(@"\bSystem\.Net\b|\bGrpc\.|\bMicrosoft\.AspNetCore\b|\bSocket\b|\bDistSgd\.(Protos|Shared|ParamServer|Worker|Trainer)\b", "a caller in Worker, ParamServer or Trainer")
            .Holds("using System.Net.Sockets;", Checkout.Sources("src/Kernels", "src/Learning"));

    [Fact]
    public void TheOracle_SharesNoCodeWithWhatItJudges() =>
        new Rule(@"\b(Kernels|ParamServer|Worker|Trainer)\b", "a plain loop of its own")
            .Holds("using DistSgd.Kernels;", Checkout.Sources("src/Learning/Oracle"));

    [Fact]
    public void TheGrpcRuntime_KnowsNothingOfThisSystem() =>
        new Rule(@"\bDistSgd\.(?!Grpc\b)\w+", "the official API only, so that the official packages can stand in its place")
            .Holds("using DistSgd.Shared;", Checkout.Sources("src/Grpc"));

    [Fact]
    public void TheTrainingLoop_KnowsNoTransport() =>
        new Rule(@"\bGrpc\b|\bGrpcChannel\b|\bRpcException\b|\bInProcessParameterClient\b|\bParameterShard\b", "IParameterClient")
        { Except = ["src/Worker/Hosting", "src/Worker/Program.cs"] }
            .Holds("catch (RpcException refused)", Checkout.Sources("src/Worker"));

    // A summary that says "Pure" makes the claim.
    private static bool ClaimsPurity(string text) =>
        text.Split('\n').Any(line => line.TrimStart().StartsWith("///", StringComparison.Ordinal) && Pattern.IsIn(line, @"\bPure[.:;]"));
}
