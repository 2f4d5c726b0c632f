namespace DistSgd.Grpc.Tests.Surface;

/// <summary>
/// What the runtime offers beside the official packages, held against official-api.txt. The list's official signatures come from the public API
/// documentation of Grpc.Core.Api, Grpc.Net.Client, Grpc.Net.Common, Grpc.AspNetCore.Server, Grpc.AspNetCore.Server.Reflection, Grpc.HealthCheck,
/// Grpc.Reflection, Grpc.StatusProto and Google.Api.CommonProtos.
/// </summary>
public sealed class SurfaceTests
{
    [Fact]
    public void Surface_IsTheOfficialOne_ButForWhatTheListSays()
    {
        var differences = OfficialApi.Read().Compare(PublicSurface.Of(typeof(global::Grpc.Core.Metadata).Assembly)).ToList();
        Assert.True(differences.Count == 0, $"official-api.txt and the runtime differ:\n{string.Join('\n', differences)}");
    }

    [Fact]
    public void Comparison_SeesEachKindOfDifference()
    {
        var api = OfficialApi.Parse(["# remark", "", "= A.b()", "= A.c()", "- A.d() | why", "- namespace N | why", "+ A.e() | why", "+ A.f() | why"]);
        var surface = new SortedSet<string>(StringComparer.Ordinal) { "A.b()", "A.d()", "A.e()", "A.g()", "class N.T" };
        Assert.Equal(
            [
                "lost: A.c()", "listed as ours, but not there: A.f()", "listed as left out, but there: A.d()", "listed as left out, but there: namespace N",
                "not listed: A.g()", "not listed: class N.T",
            ],
            api.Compare(surface));
        Assert.Throws<FormatException>(() => OfficialApi.Parse(["- A.b()"]));
    }
}
